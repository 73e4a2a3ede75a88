"""Camera poses from landmarks: face and focal length of the training frames, a pose in every frame, edge-preserving smoothing.


Held-out frames get their poses under the training frames' face and focal length, so that all live in one scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.pose_fit import Array, Problem, Solution, locate_points, project, residual_scale, solve
from tfg.landmarks import EYE_CORNERS, NOSE_BRIDGE, NOSTRILS, TEMPLES, eye_distance
from tfg.types import Bools, Cameras, Floats, InputError

# Weights of the points that hardly deform in speech.
RIGID_POINTS = {
    **dict.fromkeys(TEMPLES, 1.0),
    **dict.fromkeys(NOSE_BRIDGE, 1.0),
    **dict.fromkeys(NOSTRILS, 0.5),  # lifted a little by the upper lip
    **dict.fromkeys(EYE_CORNERS, 1.0),  # lids, brows, lips and jaw are left out: they move
}

SHAPE_SIGMA = 0.06  # head units: how far a person's points lie from the generic face
START_NOISE = 0.01  # of the eye distance: landmark error before it is measured
INDEPENDENT_FRAMES = 30  # what all landmarks weigh against the priors: their errors repeat from frame to frame

REACH = 10  # jitters: a neighbour that moved this far counts 0.6 as much; 8 to 16 aligned real clips best
SMOOTH_FRAMES = 1.0  # sigma of the smoothing
SLOPE_PRIOR = 0.25  # squared frames of evidence for "no motion": a frame without neighbours keeps its pose


@dataclass(frozen=True, kw_only=True)
class CameraFit:
    """Cameras with what they were fitted with and how well they explain the landmarks."""

    cameras: Cameras
    face_shape: Floats  # (68, 3) rigid face shape in head space
    error_pixels: float  # RMS reprojection error of the rigid points after smoothing
    unsmoothed_error_pixels: float  # the same before smoothing
    keypoints: float = 0.0  # seen in a frame on average, where they refine the poses (`stabilise.py`)
    keypoint_error_pixels: float | None = None  # robust sigma of one coordinate

    @property
    def focal(self) -> float:
        return self.cameras.focal


def fit_cameras(
    landmarks: Floats,
    size: int,
    *,
    frames: NDArray[np.int64] | None = None,
    fitted: Bools | None = None,
    smooth_frames: float = SMOOTH_FRAMES,
    focal_prior: float = 2.5,
    focal_sigma: float = 0.1,
) -> CameraFit:
    """One focal length, one rigid face shape and a pose per frame, from (n, 68, 2) landmarks in clip pixels.

    `frames` (n,) ascending clip frames: smoothing stays inside runs of consecutive ones; None: all are consecutive.
    `fitted` (n,): frames that shape and focal length are fitted on, the others get a pose only; None: all.
    `smooth_frames` is the smoothing's sigma, 0 for none. Small head motion does not determine the focal length, so its
    prior is log-normal: `focal_prior` in picture sizes, `focal_sigma` in natural-log units.
    """
    if len(landmarks) == 0 or not np.isfinite(landmarks).all():
        raise InputError("cameras: landmarks are missing in some frames; fill short gaps, or choose frames with a face")
    if smooth_frames < 0 or focal_prior <= 0 or focal_sigma <= 0:
        raise InputError("cameras: smooth_frames must be >= 0, focal_prior and focal_sigma > 0")
    numbers = np.arange(len(landmarks)) if frames is None else np.asarray(frames)
    every_point = landmarks.astype(np.float64) - size / 2
    kept = np.ones(len(landmarks), bool) if fitted is None else fitted
    points = every_point[kept]
    rows, weights = np.array(list(RIGID_POINTS)), np.array(list(RIGID_POINTS.values()))
    generic = GENERIC_SHAPE.astype(np.float64)
    alike = np.sqrt(max(1.0, len(points) / INDEPENDENT_FRAMES))
    rigid = Problem(
        points=points[:, rows],
        weights=weights,
        noise=START_NOISE * float(np.median(eye_distance(landmarks[kept]).astype(np.float32))),
        huber=1.5,
        generic=generic[rows],
        shape_sigma=SHAPE_SIGMA / alike,
        focal=focal_prior * size,
        focal_sigma=focal_sigma / alike,
    )
    first = solve(rigid)
    rigid = replace(rigid, noise=rigid.noise * residual_scale(rigid, first))
    solution = solve(rigid, first)
    every = replace(rigid, points=points, weights=np.ones(len(generic)), generic=generic)
    shape = locate_points(every, solution)
    shape[rows] = solution.shape
    if not kept.all():
        solution = solve(_with_fixed_face(rigid, solution, every_point[:, rows]))
    points = every_point
    rigid = replace(rigid, points=points[:, rows])
    rotation, translation, shape = _head_space(solution, shape, rows)
    focal = float(np.exp(solution.log_focal))
    before = reprojection_error(rigid.points, weights, rotation, translation, shape[rows], focal)
    rotation, translation = smooth_poses(rotation, translation, shape[rows], focal, numbers, smooth_frames)
    return CameraFit(
        cameras=Cameras(
            rotation=rotation.astype(np.float32), translation=translation.astype(np.float32), focal=focal, size=size
        ),
        face_shape=shape.astype(np.float32),
        error_pixels=reprojection_error(rigid.points, weights, rotation, translation, shape[rows], focal),
        unsmoothed_error_pixels=before,
    )


def _with_fixed_face(rigid: Problem, found: Solution, points: Array) -> Problem:
    """Poses alone: the same face and focal length as found, in (n, k, 2) points of any frames."""
    fixed = 1e-6  # head units, and of log focal: nothing that shows
    return replace(
        rigid,
        points=points,
        generic=found.shape,
        shape_sigma=fixed,
        focal=float(np.exp(found.log_focal)),
        focal_sigma=fixed,
    )


def smooth_poses(
    rotation: Array,
    translation: Array,
    shape: Array,
    focal: float,
    numbers: NDArray[np.int64],
    sigma: float,
) -> tuple[Array, Array]:
    """Bilateral smoothing inside runs of consecutive frames: (n, 3, 3), (n, 3) -> the same.

    A neighbour counts by its distance in time (`sigma` frames) and by how far the face moved in the picture, measured in
    the jitter that the clip itself shows; a jump (GRID: every 3 s) or fast motion is therefore kept, only jitter goes.
    """
    if sigma == 0 or len(rotation) < 3:
        return rotation, translation
    places = project(rotation, translation, shape, focal)
    reach = REACH * max(_jitter(places, numbers), 1e-6)
    rows, width = np.arange(len(rotation)), int(np.ceil(3 * sigma))
    offsets = np.arange(-width, width + 1)
    others = np.clip(rows + offsets[:, None], 0, len(rows) - 1)  # (offsets, n)
    moved = np.stack([np.sqrt(((places[other] - places) ** 2).sum(axis=-1).mean(axis=-1)) for other in others])
    weights = np.exp(-(offsets[:, None] ** 2) / (2 * sigma**2) - (moved / reach) ** 2 / 2)
    weights *= numbers[others] - numbers == offsets[:, None]
    # Fit a line, not a constant, so that a one-sided neighbourhood (at a jump, at the ends) does not lag behind the motion.
    zeroth, first, second = (np.einsum("on,o->n", weights, offsets**power) for power in (0, 1, 2))
    second += SLOPE_PRIOR
    weights *= (second - first * offsets[:, None]) / (zeroth * second - first**2)
    left, _, right = np.linalg.svd(np.einsum("on,onab->nab", weights, rotation[others]))
    return left @ right, np.einsum("on,ona->na", weights, translation[others])


def _jitter(places: Array, numbers: NDArray[np.int64]) -> float:
    """Typical frame-to-frame noise of the projected face in pixels, from second differences: (n, k, 2) -> ()."""
    inside = (np.diff(numbers)[1:] == 1) & (np.diff(numbers)[:-1] == 1)
    if not inside.any():
        return 0.0
    bend = (places[2:] - 2 * places[1:-1] + places[:-2])[inside]
    return float(np.median(np.sqrt((bend**2).sum(axis=-1).mean(axis=-1))) / np.sqrt(6))


def _head_space(solution: Solution, shape: Array, rows: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """The same cameras and shape (68, 3) in the head space of `tfg/types.py`: frontal like the generic face, eyes 1 apart."""
    generic = GENERIC_SHAPE[rows] - GENERIC_SHAPE[rows].mean(axis=0)
    left, _, right = np.linalg.svd(generic.T @ (shape[rows] - shape[rows].mean(axis=0)))
    turn = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    turned = shape @ turn.T
    center = turned.mean(axis=0)
    scale = 1 / float(eye_distance(turned).astype(np.float32))
    rotation = solution.rotation @ turn.T
    translation = scale * (solution.translation + rotation @ center)
    return rotation, translation, scale * (turned - center)


def reprojection_error(
    points: Array, weights: Array, rotation: Array, translation: Array, shape: Array, focal: float
) -> float:
    """Weighted RMS distance in pixels over all frames and points."""
    away = points - project(rotation, translation, shape, focal)
    return float(np.sqrt(((away**2).sum(axis=-1).mean(axis=0) * weights).sum() / weights.sum()))
