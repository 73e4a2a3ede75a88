"""Views: the grid, and names that say where the head looks."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tfg.record.views import PITCHES, VIEWS, YAWS, View
from tfg.rotations import turns


def test_the_grid_has_every_yaw_with_every_pitch_and_both_signs_of_each_yaw():
    assert len({(abs(view.yaw), view.pitch) for view in VIEWS}) == len(VIEWS) == len(YAWS) * len(PITCHES)
    for yaw in YAWS[1:]:
        assert {view.yaw for view in VIEWS} >= {yaw, -yaw}
    assert len({view.name for view in VIEWS}) == len({view.title for view in VIEWS}) == len(VIEWS)
    assert all(re.fullmatch(r"[a-z0-9_]+", view.name) for view in VIEWS)  # trackers take them


@pytest.mark.parametrize(
    ("yaw", "pitch", "name", "title"),
    [
        (0, 0, "front", "front"),
        (30, 0, "right30", "30 right"),
        (-45, 20, "left45_down20", "45 left, 20 down"),
        (0, -20, "up20", "20 up"),
    ],
)
def test_a_view_is_named_after_where_the_head_looks(yaw, pitch, name, title):
    view = View(yaw=yaw, pitch=pitch)
    assert (view.name, view.title) == (name, title)
    ahead = turns(np.array([yaw]), np.array([pitch]))[0] @ [0, 0, -1]
    assert np.sign(ahead[0]) == np.sign(yaw)
    assert np.sign(ahead[1]) == np.sign(pitch)
