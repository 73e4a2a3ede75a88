"""Head poses refined by keypoints: landmarks are read from each picture anew and tremble, texture is followed more exactly.

The idea of SyncTalk's head stabiliser (Peng et al. 2024, section 3.3: dense keypoints by optical flow, then bundle adjustment).
Differs from the paper: the keypoints are corners of the upper face instead of tracks of a network, and the landmarks stay in the fit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tfg.features.cameras import RIGID_POINTS, SMOOTH_FRAMES, CameraFit, reprojection_error, smooth_poses
from tfg.features.keypoints import Keypoints
from tfg.features.pose_fit import Array, Problem, Solution, locate_points, locate_poses, project
from tfg.types import Bools, Floats

_ROUNDS = 4  # of places given poses and poses given places; eight are no better by 2 %
_STEPS = 2  # of places in a round
_HUBER = 1.5  # errors: larger ones count linearly
_RELIEF = 0.06  # head units, how far a point lies from the surface that the landmarks span
_NEAR = 0.15  # head units, over which landmarks say how deep the face is
_FIRST_NOISE, _LEAST_NOISE = 0.5, 0.03  # pixels, of a keypoint


def stabilised(
    fit: CameraFit, landmarks: Floats, points: Keypoints, frames: NDArray[np.int64], fitted: Bools
) -> CameraFit:
    """The fit of n frames with better poses, and how far its keypoints are off.

    `landmarks` (n, 68, 2), keypoints and ascending clip `frames` (n,): those that it was fitted to, in pixels of its pictures.
    First by keypoints of the `fitted` (n,) frames, whose places are learned from these alone; then the others' own keypoints come
    in and move no pose but theirs. Face shape and focal length stay. A frame in which nothing can be followed is posed by its
    landmarks.
    """
    cameras, size = fit.cameras, fit.cameras.size
    rotation, translation = cameras.rotation.astype(np.float64), cameras.translation.astype(np.float64)
    if not points.seen[fitted].any():
        return fit
    rows, weights = np.array(list(RIGID_POINTS)), np.array(list(RIGID_POINTS.values()))
    rigid = fit.face_shape.astype(np.float64)[rows]
    read = landmarks[:, rows].astype(np.float64) - size / 2
    poses = Solution(rotation=rotation, translation=translation, shape=rigid, log_focal=float(np.log(cameras.focal)))
    face, every = fit.face_shape.astype(np.float64), np.ones_like(fitted)
    own = points.take(fitted[points.key])
    poses, error = _adjusted(poses, read, weights, own, face, size, known=fitted, moved=every)
    if not fitted.all():
        poses, _ = _adjusted(poses, read, weights, points, face, size, known=every, moved=~fitted)
    rotation, translation = smooth_poses(poses.rotation, poses.translation, rigid, cameras.focal, frames, SMOOTH_FRAMES)
    return replace(
        fit,
        cameras=replace(cameras, rotation=rotation.astype(np.float32), translation=translation.astype(np.float32)),
        error_pixels=reprojection_error(read, weights, rotation, translation, rigid, cameras.focal),
        keypoints=float(points.seen.sum(axis=1).mean()),
        keypoint_error_pixels=error,
    )


def _adjusted(
    poses: Solution,
    read: Array,
    weights: Array,
    points: Keypoints,
    face: Array,
    size: int,
    *,
    known: Bools,
    moved: Bools,
) -> tuple[Solution, float]:
    """Poses by the rigid landmarks (n, k, 2) and the keypoints, each by its own error; that of the keypoints in pixels.

    Places are learned from the `known` (n,) frames, poses are of the `moved` ones.
    """
    rigid, focal, seen = poses.shape, float(np.exp(poses.log_focal)), points.seen
    places = points.places.astype(np.float64) - size / 2
    expected = _on_the_face(poses, places, points.key, face, focal)
    away = read - project(poses.rotation, poses.translation, rigid, focal)
    noise, used = np.array([_scale(away[known]), _FIRST_NOISE]), seen & known[:, None]
    followed = Problem(
        points=places,
        weights=used.astype(np.float64),
        noise=noise[1],
        huber=_HUBER,
        generic=expected,
        shape_sigma=_RELIEF,
        focal=focal,
        focal_sigma=1.0,
    )
    together = replace(
        followed,
        points=np.concatenate([read, places], axis=1),
        weights=np.concatenate([np.broadcast_to(weights, read.shape[:2]), seen], axis=1),
    )
    for _ in range(_ROUNDS):
        located = locate_points(replace(followed, noise=noise[1]), poses, _STEPS)
        noise[1] = _scale((places - project(poses.rotation, poses.translation, located, focal))[used])
        each = np.repeat(noise, [len(rigid), len(located)])
        whole = replace(poses, shape=np.concatenate([rigid, located]))
        found = locate_poses(replace(together, noise=each), whole)
        poses = replace(
            poses,
            rotation=np.where(moved[:, None, None], found.rotation, poses.rotation),
            translation=np.where(moved[:, None], found.translation, poses.translation),
        )
    return poses, float(noise[1])


def _on_the_face(poses: Solution, places: Array, key: NDArray[np.int64], face: Array, focal: float) -> Array:
    """(K, 3) where the rays of keypoints in their key frames meet the surface that the landmarks (68, 3) span, in head space."""
    columns = np.arange(len(key))
    ray = np.concatenate([places[key, columns] / focal, np.ones((len(key), 1))], axis=1)
    rotation, translation = poses.rotation[key], poses.translation[key]
    distance = translation[:, 2].copy()
    for _ in range(10):
        point = np.einsum("kji,kj->ki", rotation, distance[:, None] * ray - translation)
        apart = ((point[:, None, :2] - face[None, :, :2]) ** 2).sum(axis=-1)
        near = np.exp(-apart / (2 * _NEAR**2)) + 1e-12
        deep = near @ face[:, 2] / near.sum(axis=1)
        distance += (deep - point[:, 2]) / np.einsum("ki,ki->k", rotation[:, :, 2], ray)
    return np.einsum("kji,kj->ki", rotation, distance[:, None] * ray - translation)


def _scale(residual: Array) -> float:
    """Robust sigma of one coordinate, pixels."""
    return max(_LEAST_NOISE, 1.4826 * float(np.median(np.abs(residual))))
