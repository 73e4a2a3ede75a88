"""Lip motion without the head's pose, and the map from sound to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tfg.features.context import REACH, windows
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.lips import regression
from tfg.features.lips.motion import lip_motion, lip_opening
from tfg.features.lips.opening import opening_range
from tfg.features.lips.regression import LipMap, Moments, fit_map, standardised
from tfg.landmarks import LIP_CHANNELS, LIPS_AND_CHIN
from tfg.types import Cameras

CHANNELS = 6
OPENING = np.array([1, 0, 0, 0], np.float32)  # of four numbers of motion


def cameras_of(count: int, seed: int = 0) -> Cameras:
    rng = np.random.default_rng(seed)
    turns = Rotation.from_euler("xyz", 0.3 * rng.uniform(-1, 1, (count, 3)))
    return Cameras(
        rotation=turns.as_matrix().astype(np.float32),
        translation=(np.array([0, 0.1, 8]) + 0.3 * rng.uniform(-1, 1, (count, 3))).astype(np.float32),
        focal=300.0,
        size=128,
    )


def projected(points: np.ndarray, cameras: Cameras) -> np.ndarray:
    """(n, 68, 3) head space -> (n, 68, 2) pixels."""
    camera = points @ cameras.rotation.transpose(0, 2, 1) + cameras.translation[:, None]
    return (cameras.focal * camera[..., :2] / camera[..., 2:] + cameras.size / 2).astype(np.float32)


def test_a_resting_mouth_has_no_motion_at_any_pose() -> None:
    cameras = cameras_of(20)
    landmarks = projected(np.repeat(GENERIC_SHAPE[None], 20, axis=0), cameras)
    assert np.abs(lip_motion(landmarks, cameras, GENERIC_SHAPE)).max() < 1e-4


def test_motion_in_the_face_is_found_at_any_pose() -> None:
    rng, cameras = np.random.default_rng(1), cameras_of(20)
    moved = 0.1 * rng.uniform(-1, 1, (20, len(LIPS_AND_CHIN), 2))
    points = np.repeat(GENERIC_SHAPE[None], 20, axis=0).astype(np.float64)
    points[:, list(LIPS_AND_CHIN), :2] += moved
    found = lip_motion(projected(points, cameras), cameras, GENERIC_SHAPE)
    assert found.shape == (20, LIP_CHANNELS)
    # What is lifted to the rest's depth is off by at most 1 - cos of half a radian.
    assert np.abs(found.reshape(moved.shape) - moved).max() < 0.02


def speech(count: int, weights: np.ndarray, seed: int, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random features (n, CHANNELS) and the motion that they cause."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=(count + 8, CHANNELS))
    sound = sum(sound[shift : shift + count] for shift in range(4)).astype(np.float32) / 2
    motion = windows(sound) @ weights + noise * rng.normal(size=(count, weights.shape[1]))
    return sound, (0.1 * motion).astype(np.float32)


def weights_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=((2 * REACH + 1) * CHANNELS, 4)) / 7


def r(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean([np.corrcoef(one[:, k], other[:, k])[0, 1] for k in range(one.shape[1])]))


def test_the_map_of_many_frames_is_the_one_that_made_them() -> None:
    sound, motion = speech(3000, weights_of(0), 1)
    fitted = fit_map(sound, np.arange(100, 2500), motion[100:2500], None, ridge=1e-4, opening=OPENING)
    predicted = fitted.predict(sound)[2500:-REACH]
    np.testing.assert_allclose(predicted, motion[2500:-REACH], atol=0.03)


def test_a_prior_of_others_helps_where_frames_are_few_and_a_false_one_is_outvoted() -> None:
    own, shared = weights_of(0), weights_of(0)
    people = [speech(800, shared + 0.3 * weights_of(k), k) for k in range(10, 16)]
    prior = sum((Moments.of([clip]) for clip in people[1:]), Moments.of(people[:1])).prior(0.1)
    sound, motion = speech(1125, own, 99, noise=1.0)
    few = np.arange(125)
    held = slice(200, None)
    alone = r(fit_map(sound, few, motion[few], None, 1.0, OPENING).predict(sound)[held], motion[held])
    helped = r(fit_map(sound, few, motion[few], prior, 1.0, OPENING).predict(sound)[held], motion[held])
    assert helped > alone + 0.03
    many = np.arange(1000)
    false = r(fit_map(sound, many, motion[many], -prior, 1e-3, OPENING).predict(sound)[1005:], motion[1005:])
    assert false > 0.5  # alone it would predict the opposite


def test_predictions_of_unseen_speech_move_as_far_as_the_mouth_did() -> None:
    sound, motion = speech(2000, weights_of(0), 3, noise=1.0)
    fitted = fit_map(sound, np.arange(250), motion[:250], None, ridge=1.0, opening=OPENING)
    assert 0.8 < fitted.predict(sound)[300:].std() / motion[300:].std() < 1.25


def test_frames_beyond_the_segment_do_not_count() -> None:
    sound, motion = speech(400, weights_of(0), 4)
    rows = np.arange(100, 225)
    changed = sound.copy()
    changed[: 100 - REACH], changed[225 + REACH :] = 9, -9
    one, other = (fit_map(given, rows, motion[rows], None, 1.0, OPENING) for given in (sound, changed))
    np.testing.assert_array_equal(one.weights, other.weights)


def test_a_person_that_is_taken_out_leaves_the_prior_of_the_others() -> None:
    first, second = Moments.of([speech(700, weights_of(1), 1)]), Moments.of([speech(300, weights_of(2), 2)])
    np.testing.assert_allclose((first + second - second).prior(1.0), first.prior(1.0), atol=1e-5)


def test_standardised_sound_has_no_channel_that_explodes() -> None:
    sound = np.zeros((50, 3), np.float32)
    sound[:, 0] = np.random.default_rng(0).normal(size=50)
    sound[:, 1] = 1e-9 * sound[:, 0]
    assert np.abs(standardised(sound)[:, 1]).max() < 1e-6


def test_the_prior_is_that_of_its_moments_whatever_their_order() -> None:
    clips = [speech(300, weights_of(k), k) for k in range(3)]
    forward = Moments.of(clips[:1]) + Moments.of(clips[1:2]) + Moments.of(clips[2:])
    backward = Moments.of(clips[2:]) + Moments.of(clips[1:2]) + Moments.of(clips[:1])
    np.testing.assert_allclose(forward.prior(1.0), backward.prior(1.0), atol=1e-6)
    assert replace(forward, frames=forward.frames).frames == pytest.approx(900)


def test_openings_are_given_the_range_of_the_person() -> None:
    rng = np.random.default_rng(5)
    seen = rng.normal(size=(400, 3)) * [0, 1, 0.5] + np.outer(rng.exponential(size=400), [1, 0.4, 0])
    opening = np.array([1, 0, 0], np.float32)
    timid = 0.3 * seen + 0.2 * rng.normal(size=seen.shape)
    range_ = opening_range(seen, timid, opening)
    mended = range_.mend(timid.astype(np.float32))
    np.testing.assert_allclose(
        np.quantile(mended[:, 0], [0.1, 0.5, 0.9]), np.quantile(seen[:, 0], [0.1, 0.5, 0.9]), atol=0.02
    )
    assert (np.argsort(mended[:, 0]) == np.argsort(timid[:, 0])).all()
    np.testing.assert_allclose(mended[:, 1] - timid[:, 1], range_.along[1] * (mended[:, 0] - timid[:, 0]), atol=1e-5)
    assert range_.along[1] == pytest.approx(0.4, abs=0.1)
    beyond = range_.mend(np.array([[-9, 0, 0], [9, 0, 0]], np.float32))[:, 0]
    assert beyond[0] == pytest.approx(seen[:, 0].min(), abs=1e-5)
    assert beyond[1] > seen[:, 0].max()


def test_the_lips_opening_is_the_distance_of_the_inner_lips_against_rest() -> None:
    moved = np.zeros((1, 68, 2), np.float32)
    moved[0, [61, 62, 63], 1], moved[0, [65, 66, 67], 1] = -0.01, 0.05
    assert moved[:, list(LIPS_AND_CHIN)].reshape(1, -1) @ lip_opening() == pytest.approx(0.06)


def test_a_map_is_the_same_after_it_was_taken_apart() -> None:
    sound, motion = speech(300, weights_of(0), 4)
    fitted = fit_map(sound, np.arange(200), motion[:200], None, 1.0, OPENING)
    again = LipMap.of_arrays(fitted.arrays())
    np.testing.assert_array_equal(fitted.predict(sound), again.predict(sound))
    with pytest.raises(KeyError):
        LipMap.of_arrays({name: array for name, array in fitted.arrays().items() if name != "range_seen"})


def test_what_is_far_in_time_helps_to_predict_a_piece_and_what_follows_it_in_the_rows_is_not_near() -> None:
    sound, motion = speech(1000, weights_of(0), 5)
    frames = np.concatenate([np.arange(start, start + 25) for start in (100, 300, 500, 700, 900)])
    inputs = windows(sound)[frames].astype(np.float64)
    seen = motion[frames].astype(np.float64)
    found = regression._unseen(np.zeros((inputs.shape[1], 4)), inputs, seen, 1.0, frames)
    others = frames >= 300  # all four other pieces, whole
    expected = inputs[:25] @ regression._drawn_to(np.zeros((inputs.shape[1], 4)), inputs[others], seen[others], 1.0)
    np.testing.assert_allclose(found[:25], expected)


def test_frames_between_pieces_do_not_count() -> None:
    sound, motion = speech(400, weights_of(0), 4)
    rows = np.concatenate([np.arange(100, 150), np.arange(200, 275)])
    changed = sound.copy()
    changed[150 + REACH : 200 - REACH] = 9
    one, other = (fit_map(given, rows, motion[rows], None, 1.0, OPENING) for given in (sound, changed))
    np.testing.assert_array_equal(one.weights, other.weights)
