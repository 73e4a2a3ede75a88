"""The depth error on hand-made depths."""

from __future__ import annotations

import numpy as np
import pytest
from scored_videos import track_of

from tfg.metrics.base import ScoredVideo
from tfg.metrics.depth import DepthError
from tfg.scoring.score import Held


def concluded(made, true, shown=(True, True)):
    metric = DepthError(made=made, true=true, shown=np.array(shown))
    pictures = Held(images=np.zeros((2, 1, 1, 3), np.uint8))
    faces = track_of(np.zeros((2, 68, 2)))
    video = ScoredVideo(
        prediction=pictures, truth=pictures, made=faces, true=faces, audio=None, where="here", reader="none"
    )
    assert set(metric.define(video)) == {"depth_error"}
    return metric.conclude({}, video)["depth_error"]


def test_the_depth_error_is_the_mean_distance_where_both_are_head():
    true = np.full((2, 10, 10), 8.0, np.float32)
    true[:, 0] = np.nan  # 90 pixels are left
    made = true + np.float32(0.25)
    made[1] = true[1] - np.float32(0.125)
    made[:, 1] = np.nan
    found = concluded(made, true)
    np.testing.assert_allclose(found.per_frame, [0.25, 0.125])
    assert found.value == pytest.approx(0.1875)
    assert concluded(true, true).value == 0


def test_frames_that_were_not_asked_for_or_hardly_show_a_head_have_no_depth_error():
    true = np.full((2, 10, 10), 8.0, np.float32)
    made = true + 1
    assert np.isnan(concluded(made, true, shown=(True, False)).per_frame).tolist() == [False, True]
    made[0, 4:] = np.nan  # 40 pixels
    found = concluded(made, true)
    assert np.isnan(found.per_frame).tolist() == [True, False]
    assert concluded(np.full_like(true, np.nan), true).missing == "no frame has 50 pixels in which both are head"
