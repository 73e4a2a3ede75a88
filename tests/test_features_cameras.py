"""The joint fit of focal length, face shape and poses, and its smoothing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tfg.features.cameras import RIGID_POINTS, fit_cameras
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.pose_fit import project
from tfg.landmarks import JAW, MOUTH, eye_distance
from tfg.types import Cameras, Floats, InputError

SIZE = 256
NUM_FRAMES = 150
FOCAL = 2.2 * SIZE  # the prior is 2.5


def person(rng: np.random.Generator) -> Floats:
    """A face that is not the generic one: (68, 3), in head space."""
    shape = GENERIC_SHAPE * np.array([1.0, 1.06, 0.92]) + rng.normal(0, 0.01, (68, 3))
    shape /= np.linalg.norm(shape[36] - shape[45])
    return (shape - shape.mean(axis=0)).astype(np.float32)


def moving_head(degrees: float = 12.0) -> Cameras:
    time = np.arange(NUM_FRAMES) / 25
    angles = degrees * np.stack([np.sin(1.1 * time), np.sin(1.9 * time + 1), 0.3 * np.sin(0.7 * time)], axis=1)
    offset = 0.2 * np.stack([np.sin(0.8 * time), np.cos(1.3 * time), np.sin(0.5 * time)], axis=1)
    return Cameras(
        rotation=Rotation.from_euler("YXZ", angles, degrees=True).as_matrix().astype(np.float32),
        translation=(np.array([0.1, 0.3, 8.0]) + offset).astype(np.float32),
        focal=FOCAL,
        size=SIZE,
    )


def observe(cameras: Cameras, shape: Floats, rng: np.random.Generator, noise: float = 0.3) -> Floats:
    """Landmarks of a speaking face: mouth and chin move by up to 0.2 head units, all points jitter by `noise` pixels."""
    moving = np.broadcast_to(shape, (len(cameras.rotation), 68, 3)).copy()
    opening = 0.1 * (1 + np.sin(np.arange(len(moving))))
    moving[:, MOUTH, 1] += 0.5 * opening[:, None]
    moving[:, JAW, 1] += opening[:, None] * np.clip(4 - np.abs(np.arange(17) - 8), 0, None) / 4
    camera = np.einsum("nab,nkb->nka", cameras.rotation, moving) + cameras.translation[:, None]
    points = cameras.focal * camera[..., :2] / camera[..., 2:] + cameras.size / 2
    return (points + rng.normal(0, noise, points.shape)).astype(np.float32)


def degrees_between(one: Floats, other: Floats) -> Floats:
    return np.degrees(Rotation.from_matrix(one @ other.transpose(0, 2, 1)).magnitude())


def test_known_cameras_are_recovered_from_noisy_landmarks_of_a_speaking_face() -> None:
    rng = np.random.default_rng(0)
    truth, shape = moving_head(), person(rng)
    fit = fit_cameras(observe(truth, shape, rng), SIZE, smooth_frames=0)
    # What is frontal for this person is a convention: compare rotations relative to the first frame.
    found, true = (c.rotation @ c.rotation[0].T for c in (fit.cameras, truth))
    assert np.median(degrees_between(found, true)) < 1.0  # 0.3 px of noise on a face of 80 px
    assert fit.focal == pytest.approx(truth.focal, rel=0.15)
    np.testing.assert_allclose(
        fit.cameras.translation[:, 2] / fit.focal, truth.translation[:, 2] / truth.focal, rtol=0.03
    )
    rigid = list(RIGID_POINTS)
    assert np.abs(fit.face_shape[rigid] - shape[rigid]).max() < 0.1  # the generic face errs by up to 0.07
    # 0.3 px in both axes = 0.42, of which the fitted poses absorb 6 of 38 unknowns
    assert fit.error_pixels == pytest.approx(0.42, abs=0.05)


def test_reprojection_is_exact_without_noise_for_any_picture_size() -> None:
    rng = np.random.default_rng(1)
    truth = moving_head()
    landmarks = observe(truth, GENERIC_SHAPE, rng, noise=0)
    fit = fit_cameras(landmarks, SIZE, smooth_frames=0)
    assert fit.error_pixels < 0.05
    half = fit_cameras(landmarks / 2, SIZE // 2, smooth_frames=0)
    assert half.focal == pytest.approx(fit.focal / 2, rel=1e-3)
    np.testing.assert_allclose(half.cameras.rotation, fit.cameras.rotation, atol=1e-3)
    np.testing.assert_allclose(half.cameras.translation, fit.cameras.translation, rtol=1e-3, atol=1e-3)


def test_face_shape_keeps_the_head_space_convention() -> None:
    rng = np.random.default_rng(2)
    fit = fit_cameras(observe(moving_head(), person(rng), rng), SIZE)
    assert eye_distance(fit.face_shape) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(fit.face_shape.mean(axis=0), 0, atol=1e-5)
    assert fit.face_shape[30, 2] < fit.face_shape[0, 2]  # nose before temple
    assert fit.face_shape[8, 1] > 0.5  # chin below
    assert np.linalg.det(fit.cameras.rotation) == pytest.approx(1, abs=1e-5)


def test_a_still_head_gets_the_prior_focal_length() -> None:
    rng = np.random.default_rng(3)
    still = moving_head(degrees=0.2)
    fit = fit_cameras(observe(still, GENERIC_SHAPE, rng), SIZE, focal_prior=3.0)
    assert fit.focal == pytest.approx(3.0 * SIZE, rel=0.1)


def test_large_motion_overrules_the_prior_focal_length() -> None:
    rng = np.random.default_rng(0)
    truth, shape = moving_head(degrees=25), person(rng)
    fit = fit_cameras(observe(truth, shape, rng), SIZE, smooth_frames=0, focal_prior=1.5)
    assert fit.focal == pytest.approx(FOCAL, rel=0.1)  # the prior alone would err by 0.32


def test_smoothing_lowers_jitter_of_the_poses() -> None:
    rng = np.random.default_rng(4)
    truth, shape = moving_head(), person(rng)
    landmarks = observe(truth, shape, rng)

    def error(smooth_frames: float) -> float:
        cameras = fit_cameras(landmarks, SIZE, smooth_frames=smooth_frames).cameras
        found, true = (c.rotation[1:] @ c.rotation[:-1].transpose(0, 2, 1) for c in (cameras, truth))
        return float(np.mean(degrees_between(found, true)))

    assert error(1.0) < 0.6 * error(0)


def test_smoothing_keeps_a_jump_of_the_head() -> None:
    rng = np.random.default_rng(5)
    truth, shape = moving_head(degrees=3), person(rng)
    jump = np.where(np.arange(NUM_FRAMES) >= 75, 0.15, 0)[:, None] * np.array([1, 0, 0])  # 12 px
    jumping = replace(truth, translation=(truth.translation + jump).astype(np.float32))
    landmarks = observe(jumping, shape, rng)
    rough, smooth = (fit_cameras(landmarks, SIZE, smooth_frames=s) for s in (0.0, 2.0))

    def step(cameras: Cameras, shape: Floats) -> float:
        places = project(cameras.rotation, cameras.translation, shape[list(RIGID_POINTS)], cameras.focal).mean(axis=1)
        return float(places[75, 0] - places[74, 0])

    assert step(jumping, shape) > 9
    for fit in (rough, smooth):  # 0.3 px / sqrt(19 points) in two frames, three sigma
        assert step(fit.cameras, fit.face_shape) == pytest.approx(step(jumping, shape), abs=0.3)
    assert smooth.error_pixels < 1.1 * smooth.unsmoothed_error_pixels


def test_smoothing_never_reaches_into_another_run() -> None:
    rng = np.random.default_rng(6)
    landmarks = observe(moving_head(degrees=2), GENERIC_SHAPE, rng)
    shifted = landmarks.copy()
    shifted[75:] += 1.0  # too small to count as a jump
    frames = np.concatenate([np.arange(75), np.arange(500, 575)])
    rough = fit_cameras(shifted, SIZE, smooth_frames=0).cameras
    smooth = fit_cameras(shifted, SIZE, frames=frames, smooth_frames=1.0)
    alone = fit_cameras(shifted, SIZE, smooth_frames=1.0)
    edge = abs(smooth.cameras.translation[74, 0] - rough.translation[74, 0])
    assert edge < abs(alone.cameras.translation[74, 0] - rough.translation[74, 0]) + 0.01
    assert smooth.error_pixels <= alone.error_pixels


def test_missing_landmarks_and_bad_options_are_refused() -> None:
    landmarks = np.full((3, 68, 2), np.nan, np.float32)
    with pytest.raises(InputError, match="missing"):
        fit_cameras(landmarks, SIZE)
    with pytest.raises(InputError, match="focal_prior"):
        fit_cameras(np.zeros((3, 68, 2), np.float32), SIZE, focal_prior=0)


def test_projection_follows_opencv() -> None:
    point = np.array([[0.5, -0.25, 0.0]])
    pixels = project(np.eye(3)[None], np.array([[0.0, 0.0, 5.0]]), point, 100.0)
    np.testing.assert_allclose(pixels, [[[10, -5]]])
