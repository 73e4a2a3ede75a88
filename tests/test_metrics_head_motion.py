"""Head rotations against scipy's, jitter on known motions, and blinks on hand-made eyes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scored_videos import scored_video, track_of

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.metrics.base import NO_TRUTH, ScoredVideo
from tfg.metrics.blink import LONGEST, BlinkRate, LidMotion, blinks, eye_aspect_ratio
from tfg.metrics.head_motion import (
    NO_POSE,
    NO_SHAPE,
    RIGID,
    HeadJitter,
    HeadPoseError,
    angles,
    fit_rotations,
    jitter,
    rotation_vectors,
)
from tfg.types import FaceTrack


def turns(count: int, degrees: float, seed: int = 0) -> np.ndarray:
    """Random rotations of up to these degrees about each axis, as a face reader gives them: (n, 3, 3) float32."""
    euler = np.random.default_rng(seed).uniform(-degrees, degrees, (count, 3))
    return Rotation.from_euler("xyz", euler, degrees=True).as_matrix().astype(np.float32)


def held(rotations: np.ndarray) -> FaceTrack:
    """Faces with these rotations; a NaN rotation is a frame without a face."""
    landmarks = np.ones((len(rotations), 68, 2), np.float32)
    landmarks[np.isnan(rotations).any(axis=(1, 2))] = np.nan
    return track_of(landmarks, head_rotation=rotations)


def seen_from(rotations: np.ndarray, scale: float = 60.0) -> FaceTrack:
    """Landmarks of the generic face under scaled-orthographic projection, no rotation of the reader's own."""
    points = scale * np.einsum("nij,kj->nki", rotations[:, :2].astype(np.float64), GENERIC_SHAPE) + (90, 70)
    return track_of(points)


def scored(made: FaceTrack, true: FaceTrack | None) -> ScoredVideo:
    pictures = np.zeros((len(made.num_faces), 4, 4, 3), np.uint8)
    return scored_video(pictures, None if true is None else pictures, made_track=made, true_track=true)


def test_angles_equal_scipys_geodesic_angle() -> None:
    first, second = turns(50, 60, 1).astype(np.float64), turns(50, 60, 2).astype(np.float64)
    expected = np.degrees((Rotation.from_matrix(first) * Rotation.from_matrix(second).inv()).magnitude())
    assert angles(first, second) == pytest.approx(expected, abs=1e-4)  # float32 rotations are not quite orthogonal


def test_rotation_vectors_equal_scipys() -> None:
    rotations = turns(50, 80, 3).astype(np.float64)
    assert rotation_vectors(rotations) == pytest.approx(
        Rotation.from_matrix(rotations).as_rotvec(degrees=True), abs=1e-4
    )


def test_small_angles_lose_no_precision() -> None:
    turn = Rotation.from_rotvec([[0, 1e-5, 0]], degrees=True).as_matrix()
    assert angles(turn, np.eye(3)[None])[0] == pytest.approx(1e-5, rel=1e-6)


def test_head_pose_error_of_a_known_turn() -> None:
    true = turns(9, 30)
    made = (Rotation.from_euler("y", 4, degrees=True).as_matrix() @ true).astype(np.float32)
    found = HeadPoseError().conclude({}, scored(held(made), held(true)))["head_pose_error"]
    assert found.value == pytest.approx(4, abs=1e-4)  # float32
    assert found.per_frame == pytest.approx([4] * 9, abs=1e-4)


def test_identical_heads_are_exactly_zero_apart_and_have_a_jitter_ratio_of_exactly_one() -> None:
    for track, shape in ((held(turns(20, 30)), None), (seen_from(turns(20, 30)), GENERIC_SHAPE)):
        same = scored(track, track)
        assert HeadPoseError(shape=shape).conclude({}, same)["head_pose_error"].value == 0
        assert HeadJitter(shape=shape).conclude({}, same)["head_jitter_ratio"].value == 1


def test_jitter_of_a_steady_turn_is_zero_and_of_alternating_ones_four_times_their_size() -> None:
    steady = Rotation.from_euler("y", np.arange(12.0)[:, None] * 3, degrees=True).as_matrix()
    assert jitter(steady)[1:-1] == pytest.approx(np.zeros(10), abs=1e-9)
    shaking = Rotation.from_euler("y", np.tile([1.0, -1.0], 6)[:, None], degrees=True).as_matrix()
    assert jitter(shaking)[1:-1] == pytest.approx(np.full(10, 4.0), abs=1e-9)  # +1 -> -1 -> +1: turns of -2 and 2
    assert np.isnan(jitter(shaking)[[0, -1]]).all()


@given(st.tuples(*[st.floats(-180, 180)] * 6))
@settings(max_examples=30)
def test_jitter_depends_on_neither_the_cameras_nor_the_heads_axes(euler: tuple[float, ...]) -> None:
    rotations = turns(12, 20).astype(np.float64)
    camera, head = Rotation.from_euler("xyz", np.reshape(euler, (2, 3)), degrees=True).as_matrix()
    assert jitter(camera @ rotations @ head)[1:-1] == pytest.approx(jitter(rotations)[1:-1], abs=1e-4)


def test_jitter_needs_no_truth_and_the_ratio_says_that_it_does() -> None:
    track = held(turns(30, 5))
    alone = HeadJitter().conclude({}, scored(track, None))
    beside = HeadJitter().conclude({}, scored(track, held(turns(30, 2, 9))))
    assert alone["head_jitter"].value == beside["head_jitter"].value
    assert alone["head_jitter_ratio"].missing == NO_TRUTH
    assert beside["head_jitter_ratio"].value > 2  # 5 degrees against 2
    assert "truth" in HeadJitter().define(scored(track, None))["head_jitter_ratio"]


def test_frames_beside_one_without_a_face_have_no_jitter_and_are_counted() -> None:
    rotations = turns(12, 5)
    rotations[6] = np.nan
    gap = scored(held(rotations), held(turns(12, 5)))
    found = HeadJitter().conclude({}, gap)
    assert np.flatnonzero(np.isnan(found["head_jitter"].per_frame)).tolist() == [0, 5, 6, 7, 11]
    assert found["head_jitter_ratio"].value > 0
    assert "7 of 12 frames have a face in them and in both their neighbours" in HeadJitter().define(gap)["head_jitter"]
    assert "1 of 12 frames without a face left out" in HeadPoseError().define(gap)["head_pose_error"]
    assert np.isnan(HeadPoseError().conclude({}, gap)["head_pose_error"].per_frame).sum() == 1


def test_the_ratio_compares_the_same_frames_of_both() -> None:
    calm, wild = turns(40, 1), turns(40, 9, 5)
    made = np.concatenate([calm, wild])
    true = np.concatenate([calm, np.full((40, 3, 3), np.nan, np.float32)])
    found = HeadJitter().conclude({}, scored(held(made), held(true)))
    assert found["head_jitter_ratio"].value == 1
    assert found["head_jitter"].value > 5


def test_no_three_frames_in_a_row_are_no_jitter() -> None:
    rotations = turns(12, 5)
    rotations[::3] = np.nan
    found = HeadJitter().conclude({}, scored(held(rotations), held(turns(12, 5))))
    assert {outcome.missing for outcome in found.values()} == {"no three frames in a row have a face"}
    short = HeadJitter().conclude({}, scored(held(turns(2, 5)), None))
    assert short["head_jitter"].missing == "no three frames in a row have a face"


def test_a_true_head_that_is_frozen_has_no_jitter_to_divide_by() -> None:
    still = held(np.tile(turns(1, 20), (10, 1, 1)))
    found = HeadJitter().conclude({}, scored(held(turns(10, 5)), still))
    assert "nothing to divide by" in found["head_jitter_ratio"].missing
    assert HeadJitter().conclude({}, scored(still, still))["head_jitter"].value == 0


def test_faces_in_under_half_of_the_frames_are_no_pose() -> None:
    rotations = turns(10, 5)
    rotations[:6] = np.nan
    rare = scored(held(rotations), held(turns(10, 5)))
    reasons = {
        outcome.missing for metric in (HeadPoseError(), HeadJitter()) for outcome in metric.conclude({}, rare).values()
    }
    assert reasons == {"a face was found in only 4 of 10 frames"}


def test_a_reader_that_takes_the_pose_from_the_truth_gives_a_reason_and_never_zero() -> None:
    same = scored(seen_from(turns(10, 5)), seen_from(turns(10, 5)))
    for metric in (HeadPoseError, HeadJitter):
        for reads_pose, shape, reason in ((False, GENERIC_SHAPE, NO_POSE), (True, None, NO_SHAPE)):
            found = metric(reads_pose=reads_pose, shape=shape).conclude({}, same)
            assert {outcome.missing for outcome in found.values()} == {reason}


def test_the_fit_recovers_rotations_and_ignores_place_and_size() -> None:
    rotations = turns(40, 35)
    for scale in (20.0, 300.0):
        found = fit_rotations(seen_from(rotations, scale).landmarks, GENERIC_SHAPE)
        assert angles(found, rotations.astype(np.float64)).max() < 0.01  # degrees: float32 landmarks
    assert np.linalg.det(found) == pytest.approx(np.ones(40))


def test_the_fit_survives_noise_and_does_not_look_at_lips_and_brows() -> None:
    rotations = turns(200, 25)
    track = seen_from(rotations, 60.0)
    noisy = track.landmarks + np.random.default_rng(1).normal(0, 0.3, track.landmarks.shape)
    assert np.median(angles(fit_rotations(noisy, GENERIC_SHAPE), rotations.astype(np.float64))) < 1
    moved = noisy.copy()
    moved[:, [k for k in range(68) if k not in RIGID]] += 20
    np.testing.assert_array_equal(fit_rotations(moved, GENERIC_SHAPE), fit_rotations(noisy, GENERIC_SHAPE))


def test_the_definition_says_where_rotations_come_from() -> None:
    own, fitted = scored(held(turns(5, 5)), held(turns(5, 5))), scored(seen_from(turns(5, 5)), seen_from(turns(5, 5)))
    metric = HeadPoseError(shape=GENERIC_SHAPE)
    assert "; head rotations by no reader; " in metric.define(own)["head_pose_error"]
    assert "scaled-orthographic fit of a rigid face to 21 landmarks" in metric.define(fitted)["head_pose_error"]
    assert metric.conclude({}, fitted)["head_pose_error"].value == 0


def eyes(ratios: np.ndarray) -> np.ndarray:
    """Landmarks whose eyes, 10 pixels wide, have these aspect ratios: (n,) -> (n, 68, 2)."""
    points = np.zeros((len(ratios), 68, 2), np.float32)
    for corner in (36, 42):
        points[:, corner : corner + 6, 0] = [0, 3, 7, 10, 7, 3]
        points[:, corner + 4 : corner + 6, 1] = 10 * ratios[:, None]
    return points


def blinking(count: int, *closures: tuple[int, int]) -> np.ndarray:
    """Ratios 0.3, and 0.05 in [first, stop) of each closure."""
    ratios = np.full(count, 0.3)
    for first, stop in closures:
        ratios[first:stop] = 0.05
    return ratios


def test_eye_aspect_ratio_is_height_over_width_whatever_the_size_and_the_tilt() -> None:
    points = eyes(np.array([0.3, 0.1]))
    assert eye_aspect_ratio(points) == pytest.approx([0.3, 0.1], abs=1e-6)
    tilt = Rotation.from_euler("z", 25, degrees=True).as_matrix()[:2, :2]
    assert eye_aspect_ratio(7 * points @ tilt.T + 50) == pytest.approx([0.3, 0.1], abs=1e-6)


def test_eye_aspect_ratio_is_the_mean_of_both_eyes() -> None:
    points = eyes(np.array([0.3]))
    points[:, 42:48, 1] *= 0.5
    assert eye_aspect_ratio(points) == pytest.approx([0.225], abs=1e-6)


def test_blinks_are_closures_of_one_to_twelve_frames() -> None:
    assert blinks(blinking(100, (10, 11), (30, 34), (60, 60 + LONGEST))) == [(10, 11), (30, 34), (60, 72)]
    assert blinks(blinking(100, (60, 61 + LONGEST))) == []


def test_a_blink_that_is_cut_by_the_track_or_by_a_missing_face_does_not_count() -> None:
    assert blinks(blinking(60, (0, 3), (57, 60))) == []
    closing = blinking(60, (1, 3), (57, 59))
    closing[[0, 59]] = 0.48 * 0.3  # half closed at both ends
    assert blinks(closing) == []
    gap = blinking(60, (20, 24))
    gap[22] = np.nan
    assert blinks(gap) == []
    assert blinks(np.full(5, np.nan)) == []


def test_trembling_at_the_threshold_is_one_blink_and_a_quick_pair_is_two() -> None:
    ratios = blinking(60)
    ratios[20:27] = np.array([0.9, 0.49, 0.55, 0.45, 0.58, 0.49, 0.7]) * 0.3
    assert len(blinks(ratios)) == 1
    pair = blinking(60)
    pair[20:25] = np.array([0.4, 0.1, 0.54, 0.1, 0.4]) * 0.3  # the eyes open between, as far as small pictures show
    assert blinks(pair) == [(20, 22), (23, 25)]
    half = blinking(60)
    half[20:23] = 0.55 * 0.3  # half closed
    assert blinks(half) == []


def test_blink_rate_counts_the_time_in_which_a_face_was_seen() -> None:
    made, true = blinking(1000, (50, 54), (300, 303)), blinking(1000, (50, 54), (300, 303), (700, 705))
    made[750:] = np.nan  # 30 of 40 seconds are left
    both = scored(track_of(eyes(made)), track_of(eyes(true)))
    found = BlinkRate().conclude({}, both)
    assert found["blink_rate"].value == pytest.approx(4)  # 2 in half a minute
    assert found["blink_rate_difference"].value == pytest.approx(0.5)  # 3 in 40 seconds are 4.5
    assert np.isnan(found["blink_rate"].per_frame).sum() == 250
    text = BlinkRate().define(both)
    assert "prediction: 2 in 30.0 s, 250 of 1000 frames without a face left out" in text["blink_rate"]
    assert "truth: 3 in 40.0 s" in text["blink_rate_difference"]
    assert "truth: 3" not in text["blink_rate"]


def test_identical_eyes_differ_by_exactly_zero_and_need_no_truth_for_their_own_rate() -> None:
    track = track_of(eyes(blinking(250, (50, 54))))
    assert BlinkRate().conclude({}, scored(track, track))["blink_rate_difference"].value == 0
    alone = BlinkRate().conclude({}, scored(track, None))
    assert alone["blink_rate"].value == pytest.approx(6)
    assert alone["blink_rate_difference"].missing == NO_TRUTH
    assert "truth:" not in BlinkRate().define(scored(track, None))["blink_rate_difference"]


def test_eyes_that_were_not_read_have_no_blink_rate_and_never_zero() -> None:
    track = track_of(eyes(blinking(100)))
    found = BlinkRate(reads_eyes=False).conclude({}, scored(track, track))
    assert all("takes the eyes from the truth" in (outcome.missing or "") for outcome in found.values())
    assert "left out" not in BlinkRate(reads_eyes=False).define(scored(track, track))["blink_rate"]
    rare = blinking(100)
    rare[40:] = np.nan
    few = BlinkRate().conclude({}, scored(track, track_of(eyes(rare))))
    assert few["blink_rate"].value == 0
    assert few["blink_rate_difference"].missing == "truth: a face was found in only 40 of 100 frames"


def test_lids_that_close_half_as_far_late_or_never_are_told_apart() -> None:
    true = blinking(250, (50, 54), (150, 155))

    def lids(made: np.ndarray) -> tuple[float | None, float | None]:
        found = LidMotion().conclude({}, scored(track_of(eyes(made)), track_of(eyes(true))))
        return found["lid_correlation"].value, found["lid_amplitude"].value

    assert lids(true) == (1.0, 1.0)
    half_way = lids((true + true.max()) / 2)
    assert half_way == (pytest.approx(1.0), pytest.approx(0.5))
    late, _ = lids(np.roll(true, 10))
    assert late is not None
    assert abs(late) < 0.1
    assert lids(np.full(250, true.max())) == (None, pytest.approx(0.0))


def test_lids_are_compared_where_the_truth_blinks() -> None:
    awake = track_of(eyes(blinking(250)))
    found = LidMotion().conclude({}, scored(awake, awake))
    assert all("the truth blinks 0 times" in (outcome.missing or "") for outcome in found.values())
    unread = LidMotion(reads_eyes=False).conclude({}, scored(awake, awake))
    assert all("takes the eyes from the truth" in (outcome.missing or "") for outcome in unread.values())
