"""Closed mouths found and missed, and how far a mouth moves, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scored_videos import scored_video, track_of

from tfg.landmarks import INNER_LIP_PAIRS
from tfg.metrics import closure
from tfg.metrics.closure import MouthClosure


def video(made: list[float], true: list[float]):
    """Two videos whose mouths open by so many pixels."""
    tracks = []
    for openings in (made, true):
        points = np.zeros((len(openings), 68, 2), np.float32)
        for upper, lower in INNER_LIP_PAIRS:
            points[:, upper, 1], points[:, lower, 1] = 0, openings
        tracks.append(track_of(points))
    pictures = np.zeros((len(made), 8, 8, 3), np.uint8)
    return scored_video(pictures, pictures, made_track=tracks[0], true_track=tracks[1])


TRUE = [0.0] * 6 + [10.0] * 14  # closed below 2.5


def values(made: list[float], true: list[float] = TRUE) -> dict[str, float | None]:
    return {name: outcome.value for name, outcome in MouthClosure().conclude({}, video(made, true)).items()}


def test_the_truth_finds_every_closure():
    assert values(TRUE) == {"closure_recall": 1.0, "closure_precision": 1.0, "mouth_amplitude": 1.0}


def test_half_of_the_closures_and_two_where_the_truth_is_open():
    made = [0.0] * 3 + [4.0] * 3 + [1.0] * 2 + [10.0] * 12
    found = values(made)
    assert found["closure_recall"] == pytest.approx(3 / 6)
    assert found["closure_precision"] == pytest.approx(3 / 5)


def test_a_mouth_that_never_closes_has_no_recall_and_no_precision():
    found = MouthClosure().conclude({}, video([5.0] * 19 + [6.0], TRUE))
    assert found["closure_recall"].value == 0
    assert found["closure_precision"].missing == "the prediction's mouth is closed in 0 frames, 5 are needed"


def test_amplitude_is_the_ratio_of_deviations():
    assert values([value / 2 for value in TRUE])["mouth_amplitude"] == pytest.approx(0.5)


def test_a_truth_that_hardly_closes_has_no_recall():
    found = MouthClosure().conclude({}, video(TRUE, [0.0] * 2 + [10.0] * 18))
    assert found["closure_recall"].missing == "the truth's mouth is closed in 2 frames, 5 are needed"


def test_the_share_works_on_many_resampled_rows():
    rows = np.array([[0.0, 5, 0, 5], [0, 0, 5, 5]])
    np.testing.assert_allclose(closure.recall(rows, np.array([0.0, 0, 5, 5]), 2.5), [0.5, 1.0])
