"""Poses refined by what is followed: places in made pictures, and poses from known points."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from test_features_cameras import SIZE, degrees_between, moving_head, observe, person

from tfg.features import keypoints, stabilise
from tfg.features.cameras import fit_cameras
from tfg.features.keypoints import Grey, Keypoints, find_keypoints
from tfg.features.pose_fit import project
from tfg.landmarks import EYES, MOUTH
from tfg.types import Cameras, Floats

FRAMES, ALL = np.arange(150), np.ones(150, bool)


def known_points(cameras: Cameras, shape: Floats, rng: np.random.Generator, noise: float) -> Keypoints:
    """Forty points of the face, each seen in two thirds of the frames, one in ten of the sightings somewhere else."""
    count = 40
    places = shape[rng.integers(17, 48, count)] + rng.normal(0, 0.02, (count, 3))
    seen = rng.random((len(cameras.rotation), count)) < 2 / 3
    key = np.array([rng.choice(np.flatnonzero(column)) for column in seen.T])
    found = project(cameras.rotation.astype(float), cameras.translation.astype(float), places, cameras.focal)
    found += cameras.size / 2 + rng.normal(0, noise, found.shape)
    wrong = rng.random(seen.shape) < 0.1
    found[wrong] += rng.normal(0, 4, (int(wrong.sum()), 2))
    return Keypoints(places=found.astype(np.float32), seen=seen, key=key)


def test_points_followed_exactly_mend_poses_of_trembling_landmarks() -> None:
    rng = np.random.default_rng(0)
    truth, shape = moving_head(), person(rng)
    landmarks = observe(truth, shape, rng, noise=1.0)
    fit = fit_cameras(landmarks, SIZE)
    points = known_points(truth, shape, rng, noise=0.1)
    refined = stabilise.stabilised(fit, landmarks, points, FRAMES, ALL)
    before, after = (
        np.median(degrees_between(*(c.rotation[1:] @ c.rotation[:-1].transpose(0, 2, 1) for c in (found, truth))))
        for found in (fit.cameras, refined.cameras)
    )
    assert after < 0.5 * before
    assert refined.keypoint_error_pixels == pytest.approx(0.1, abs=0.05)
    assert refined.keypoints == pytest.approx(40 * 2 / 3, rel=0.1)
    assert refined.focal == fit.focal
    np.testing.assert_array_equal(refined.face_shape, fit.face_shape)


def test_without_anything_to_follow_the_poses_stay() -> None:
    rng = np.random.default_rng(0)
    landmarks = observe(moving_head(), person(rng), rng)
    fit = fit_cameras(landmarks, SIZE)
    points = find_keypoints(np.full((150, SIZE, SIZE), 90, np.uint8), landmarks, fit.cameras.rotation, ALL)
    assert points.places.shape == (150, 0, 2)
    assert stabilise.stabilised(fit, landmarks, points, FRAMES, ALL) is fit


def test_a_frame_in_which_nothing_is_followed_keeps_about_its_landmarks_pose(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    truth, shape = moving_head(), person(rng)
    landmarks = observe(truth, shape, rng)
    fit = fit_cameras(landmarks, SIZE, smooth_frames=0)
    points = known_points(truth, shape, rng, noise=0.1)
    seen = points.seen.copy()
    seen[70] = False
    key = np.where(points.key == 70, 71, points.key)
    seen[71] |= key == 71
    monkeypatch.setattr(stabilise, "SMOOTH_FRAMES", 0.0)
    refined = stabilise.stabilised(fit, landmarks, replace(points, seen=seen, key=key), FRAMES, ALL)
    away = degrees_between(refined.cameras.rotation, fit.cameras.rotation)
    assert away[70] < 0.1
    assert np.median(away) > 0.1


def textured(angles: Floats) -> tuple[Grey, Floats]:
    """A face of noise, turned in the picture by some degrees: pictures (n, SIZE, SIZE) and landmarks (n, 68, 2)."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (SIZE, SIZE)).astype(np.uint8), (0, 0), 1.5)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    shape = person(rng)[:, :2] * 80 + SIZE / 2
    pictures, landmarks = [], []
    for angle in angles:
        turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), float(angle), 1.0)
        pictures.append(cv2.warpAffine(texture, turn, (SIZE, SIZE), flags=cv2.INTER_CUBIC))
        landmarks.append(np.concatenate([shape, np.ones((68, 1))], axis=1) @ turn.T)
    return np.stack(pictures), np.stack(landmarks).astype(np.float32)


def in_plane(angles: Floats) -> Floats:
    turn = np.radians(-angles)
    zero, one = np.zeros_like(turn), np.ones_like(turn)
    return np.stack(
        [np.cos(turn), -np.sin(turn), zero, np.sin(turn), np.cos(turn), zero, zero, zero, one], axis=1
    ).reshape(-1, 3, 3)


def test_corners_of_the_upper_face_are_followed_to_a_tenth_of_a_pixel() -> None:
    angles = np.linspace(-6, 6, 7)
    pictures, landmarks = textured(angles)
    points = find_keypoints(pictures, landmarks, in_plane(angles), np.ones(len(angles), bool))
    assert points.seen.sum(axis=1).min() >= 20
    missed = []
    for column, key in enumerate(points.key):
        for row in np.flatnonzero(points.seen[:, column]):
            turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), float(angles[row] - angles[key]), 1.0)
            missed.append(np.abs(points.places[row, column] - turn @ np.append(points.places[key, column], 1)).max())
    assert np.median(missed) < 0.1
    assert max(missed) < 1
    away = [
        np.linalg.norm(points.places[row, points.key == row][:, None] - landmarks[row], axis=2)
        for row in np.unique(points.key)
    ]
    nearest = [np.arange(68)[distance.argmin(axis=1)] for distance in away]
    lips, lids = set(range(68)[MOUTH]), set(range(68)[EYES])
    assert not lips & set(np.concatenate(nearest))  # nothing that speech moves
    assert all(distance[:, sorted(lids)].min() > 1 for distance in away)  # nor a blink


def test_what_does_not_lead_back_is_not_seen() -> None:
    angles = np.array([-4.0, 4.0])
    pictures, landmarks = textured(angles)
    pictures[1] = np.random.default_rng(5).integers(0, 256, pictures[1].shape)
    points = find_keypoints(pictures, landmarks, in_plane(angles), np.ones(len(angles), bool))
    for row in (0, 1):
        assert points.seen[row, points.key == row].all()
        assert points.seen[row, points.key != row].mean() < 0.3  # some lead back by chance; the robust fit is for them


def test_key_frames_are_spread_over_the_poses() -> None:
    angles = np.concatenate([np.zeros(40), [20.0], np.zeros(40), [-20.0]])
    rows = keypoints._spread(keypoints._angles(in_plane(angles)))
    assert {40, 81} <= set(rows.tolist())


def test_held_out_frames_move_no_training_pose() -> None:
    angles = np.linspace(-6, 6, 14)
    pictures, landmarks = textured(angles)
    training = np.arange(14) < 9
    fits = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        shown, read = pictures.copy(), landmarks.copy()
        shown[~training] = rng.integers(0, 256, shown[~training].shape)
        read[~training] += rng.normal(0, 2, read[~training].shape).astype(np.float32)
        rows = np.flatnonzero(training)
        known = fit_cameras(read[rows], SIZE, smooth_frames=0)
        fit = replace(fit_cameras(read, SIZE, smooth_frames=0, fitted=training), face_shape=known.face_shape)
        points = find_keypoints(shown, read, fit.cameras.rotation, training)
        assert training[points.key].any()
        fits.append(stabilise.stabilised(fit, read, points, 10 * np.arange(14), training).cameras.rotation[training])
    np.testing.assert_allclose(*fits, rtol=0, atol=1e-6)  # sums of another order
