"""Landmark distance, mouth correlation and lag on hand-made mouths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_videos import scored_video, track_of

from tfg.metrics.base import ScoredVideo
from tfg.metrics.landmark import (
    LandmarkDistance,
    MouthCorrelation,
    agreement,
    landmark_distance,
    no_agreement,
)


def faces(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(10, 90, (count, 68, 2)).astype(np.float32)


def speaking(openings: np.ndarray) -> np.ndarray:
    """Faces whose inner-lip pairs are these pixels apart."""
    points = np.tile(faces(1), (len(openings), 1, 1))
    points[:, [67, 66, 65]] = points[:, [61, 62, 63]]
    points[:, [67, 66, 65], 1] += openings[:, None]
    return points


def scored(made: np.ndarray, true: np.ndarray) -> ScoredVideo:
    pictures = np.zeros((len(made), 4, 4, 3), np.uint8)
    return scored_video(pictures, pictures, made_track=track_of(made), true_track=track_of(true))


def without(points: np.ndarray, rows: slice) -> np.ndarray:
    gone = points.copy()
    gone[rows] = np.nan
    return gone


def test_landmark_distance_ignores_where_the_mouth_is_and_counts_its_shape() -> None:
    truth = np.random.default_rng(0).normal(size=(3, 68, 2)).astype(np.float32)
    assert landmark_distance(truth + 7, truth).max() < 1e-5
    moved = truth.copy()
    moved[:, 48:58, 0] += 2  # half of the points by 2: centred, all are off by 1
    assert landmark_distance(moved, truth) == pytest.approx([1, 1, 1], abs=1e-6)


def test_landmark_distance_looks_at_the_mouth_only() -> None:
    truth = faces(2)
    moved = truth.copy()
    moved[:, :48] += 5
    assert landmark_distance(moved, truth).tolist() == [0, 0]


def test_lmd_is_in_pixels_and_normalised_by_the_true_eye_corners() -> None:
    true = faces(4)
    true[:, 36], true[:, 45] = (20, 30), (60, 60)  # 50 apart
    made = true.copy()
    made[:, 48:58, 0] += 4
    made[:, [36, 45]] += np.array([[9, 0], [0, 9]])  # the prediction's eyes do not matter
    found = LandmarkDistance().conclude({}, scored(made, true))
    assert found["lmd"].value == pytest.approx(2, abs=1e-5)  # float32 points
    assert found["lmd_normalised"].value == pytest.approx(2 / 50, abs=1e-6)
    assert found["lmd"].per_frame == pytest.approx([2] * 4, abs=1e-5)


@given(st.floats(0.5, 4))
def test_lmd_grows_with_the_picture_and_the_normalised_one_does_not(scale: float) -> None:
    made, true = faces(3, 1), faces(3, 2)
    small, large = (LandmarkDistance().conclude({}, scored(k * made, k * true)) for k in (1.0, scale))
    assert large["lmd"].value == pytest.approx(scale * small["lmd"].value, rel=1e-4)  # float32
    assert large["lmd_normalised"].value == pytest.approx(small["lmd_normalised"].value, rel=1e-4)


def test_identical_mouths_are_exactly_at_distance_zero_and_correlation_one() -> None:
    points = speaking(np.random.default_rng(3).uniform(0, 9, 40))
    same = scored(points, points)
    assert LandmarkDistance().conclude({}, same)["lmd"].value == 0
    assert LandmarkDistance().conclude({}, same)["lmd_normalised"].value == 0
    found = MouthCorrelation().conclude({}, same)
    assert found["mouth_correlation"].value == 1
    assert found["mouth_lag"].value == 0


def test_frames_without_a_face_have_no_number_and_are_counted() -> None:
    true = faces(8)
    made = true.copy()
    made[:, 48:58, 0] += 2
    partly = scored(without(made, slice(0, 1)), without(true, slice(5, 7)))
    found = LandmarkDistance().conclude({}, partly)["lmd"]
    assert found.value == pytest.approx(1, abs=1e-5)
    assert np.flatnonzero(np.isnan(found.per_frame)).tolist() == [0, 5, 6]
    for metric in (LandmarkDistance(), MouthCorrelation()):
        for text in metric.define(partly).values():
            assert text.endswith("landmarks of both by no reader; 3 of 8 frames without a face left out")


def test_faces_in_under_half_of_the_frames_are_no_number_but_a_count() -> None:
    points = speaking(np.random.default_rng(3).uniform(0, 9, 50))
    half, less = (scored(points, without(points, slice(0, gone))) for gone in (25, 26))
    for metric in (LandmarkDistance(), MouthCorrelation()):
        assert {outcome.missing for outcome in metric.conclude({}, less).values()} == {
            "a face was found in only 24 of 50 frames"
        }
    assert MouthCorrelation().conclude({}, half)["mouth_correlation"].value == 1
    assert LandmarkDistance().conclude({}, half)["lmd"].value == 0


def test_agreement_finds_a_late_prediction() -> None:
    truth = np.random.default_rng(0).normal(size=200)
    late = np.roll(truth, 3)
    found = agreement(late, truth)
    assert found is not None
    assert found.lag == 3
    assert abs(found.correlation) < 0.3


@given(st.integers(-10, 10))
def test_mouth_lag_is_positive_when_the_prediction_is_late(lag: int) -> None:
    signal = np.random.default_rng(5).uniform(0, 9, 120)
    made, true = signal[10 - lag : 110 - lag], signal[10:110]
    assert MouthCorrelation().conclude({}, scored(speaking(made), speaking(true)))["mouth_lag"].value == lag


def test_correlation_equals_numpys_over_the_frames_that_both_have() -> None:
    rng = np.random.default_rng(6)
    true = rng.uniform(0, 9, 60)
    made = true + rng.normal(0, 3, 60)
    made[4:9] = np.nan
    true[30] = np.nan
    kept = np.isfinite(made) & np.isfinite(true)
    found = agreement(made, true)
    assert found is not None
    assert found.correlation == pytest.approx(np.corrcoef(made[kept], true[kept])[0, 1], abs=1e-12)


def test_correlation_ignores_the_scale_and_offset_of_the_opening() -> None:
    truth = np.random.default_rng(7).uniform(0, 9, 80)
    found = agreement(3 * truth + 5, truth)
    assert found is not None
    assert found.correlation == pytest.approx(1, abs=1e-12)


def test_agreement_of_a_still_mouth_does_not_exist() -> None:
    assert agreement(np.ones(100), np.random.default_rng(0).normal(size=100)) is None


def test_the_reason_says_which_mouth_is_still_and_whether_the_run_is_too_short() -> None:
    moving, still = np.random.default_rng(0).uniform(0, 9, 100), np.full(100, 3.3)
    assert no_agreement(moving, moving) is None
    assert no_agreement(still, moving) == "the mouth does not move in the prediction"
    assert no_agreement(moving, still) == "the mouth does not move in the truth"
    assert no_agreement(still, still) == "the mouth does not move in the prediction nor in the truth"
    assert "22 frames are too short a run" in (no_agreement(moving[:22], moving[:22]) or "")
    assert no_agreement(moving[:23], moving[:23]) is None
    rare = np.where(np.arange(100) < 91, np.nan, moving)
    assert no_agreement(rare, moving) == "only 9 frames have a face in both videos, 10 are needed"
    early = np.where(np.arange(100) < 5, moving, 3.3)
    assert "in the prediction in the 95 frames compared at lag +5" in (no_agreement(early, moving) or "")


def test_a_still_prediction_is_unavailable_for_the_right_reason() -> None:
    truth = speaking(np.random.default_rng(0).uniform(0, 9, 40))
    static = np.repeat(truth[:1], 40, axis=0)
    found = MouthCorrelation().conclude({}, scored(static, truth))
    assert {outcome.missing for outcome in found.values()} == {"the mouth does not move in the prediction"}
    assert LandmarkDistance().conclude({}, scored(static, truth))["lmd"].value > 0
