"""How the head is held and how much it trembles, from the face reader's head rotations or from its landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import EAR_LOBES, EYE_CORNERS, NOSE, TEMPLES, indices
from tfg.metrics.base import (
    NO_TRUTH,
    Chunk,
    MetricFacts,
    Outcome,
    PerFrame,
    ScoredVideo,
    left_out,
    mean,
    too_few_faces,
)
from tfg.types import Bools, FaceTrack, Floats

# Temples, nose and eye corners: neither speech nor brows move them. Measured on German_20s and GRID, they give
# MediaPipe's own rotation to 0.5 and 0.7 degrees, a constant turn set aside; with nose and eye corners alone 0.9 and 1.6.
RIGID = (*sorted(TEMPLES + EAR_LOBES), *indices(NOSE, EYE_CORNERS))
NO_POSE = "the face reader takes the head's place from the truth, so a wrong place would not show; use face=mediapipe"
_NO_RUN = "no three frames in a row have a face"
NO_SHAPE = "the face reader gives no head rotation and no face shape was given to fit one to its landmarks"

Rotations = NDArray[np.float64]  # (n, 3, 3), NaN where there is no face


def fit_rotations(landmarks: Floats, shape: Floats) -> Rotations:
    """Head rotations by a scaled-orthographic fit: (n, 68, 2), a rigid face shape (68, 3) -> camera from head, OpenCV axes.

    The least-squares affine map of the RIGID points from shape to picture, then the nearest two rows of a rotation to it.
    """
    points = landmarks[:, list(RIGID)].astype(np.float64)
    solid = shape[list(RIGID)].astype(np.float64)
    points, solid = points - points.mean(axis=1, keepdims=True), solid - solid.mean(axis=0)
    affine = np.einsum("nki,kj->nij", points, solid) @ np.linalg.inv(solid.T @ solid)  # (n, 2, 3)
    rotations = np.full((len(points), 3, 3), np.nan)
    found = np.isfinite(affine).all(axis=(1, 2))
    left, _, right = np.linalg.svd(affine[found], full_matrices=False)
    rows = left @ right
    rotations[found] = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    return rotations


def angles(first: Rotations, second: Rotations) -> PerFrame:
    """(n,) angle in degrees of the turn from one rotation to the other; exactly 0 of equal ones."""
    return np.linalg.norm(rotation_vectors(_relative(first, second)), axis=-1)


def jitter(rotations: Rotations) -> PerFrame:
    """(n,) degrees per frame^2: how much the turn to the next frame differs from the turn from the one before.

    |w(t, t + 1) - w(t - 1, t)| where w(s, t) is the rotation vector of R_t R_s^T. It depends neither on the camera's axes nor
    on the head's. NaN at both ends and beside frames without a face.
    """
    result = np.full(len(rotations), np.nan)
    if len(rotations) > 2:
        turns = rotation_vectors(_relative(rotations[1:], rotations[:-1]))
        result[1:-1] = np.linalg.norm(np.diff(turns, axis=0), axis=-1)
    return result


def rotation_vectors(rotations: Rotations) -> NDArray[np.float64]:
    """Axis times angle in degrees in [0, 180]: (n, 3, 3) -> (n, 3); exactly 0 of a symmetric matrix near identity."""
    skew = np.stack([rotations[:, i, j] - rotations[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=-1) / 2
    sine, cosine = np.linalg.norm(skew, axis=-1), (np.trace(rotations, axis1=1, axis2=2) - 1) / 2
    angle = np.degrees(np.arctan2(sine, cosine))
    return skew * np.divide(angle, sine, out=np.zeros_like(sine), where=sine != 0)[:, None]


def _relative(first: Rotations, second: Rotations) -> Rotations:
    """first second^T, summed in one order so that it is exactly symmetric where the two are equal."""
    return (first[:, :, None, :] * second[:, None, :, :]).sum(axis=-1)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where head rotations come from; prediction and truth always from the same."""

    reads_pose: bool
    shape: Floats | None
    tracks: tuple[FaceTrack, ...]  # the prediction's and, where there is one, the truth's

    @property
    def missing(self) -> str | None:
        """Why there are none."""
        if not self.reads_pose:
            return NO_POSE
        return NO_SHAPE if self.shape is None and not self._given else None

    @property
    def rotations(self) -> list[Rotations]:
        if self._given:
            return [track.head_rotation.astype(np.float64) for track in self.tracks]
        assert self.shape is not None, "missing has a reason"
        return [fit_rotations(track.landmarks, self.shape) for track in self.tracks]

    def define(self, reader: str) -> str:
        if self._given or self.shape is None:
            return f"head rotations by {reader}"
        return f"head rotations by a scaled-orthographic fit of a rigid face to {len(RIGID)} landmarks read by {reader}"

    @property
    def _given(self) -> bool:
        return all(np.isfinite(track.head_rotation[track.num_faces > 0]).all() for track in self.tracks)


@dataclass(frozen=True, kw_only=True)
class HeadPoseError:
    """Metric: how far the head is turned from the true one."""

    reads_pose: bool = True  # False: the face reader takes the head's place from the truth
    # (68, 3) rigid face, for readers without rotation.
    shape: Floats | None = field(default=None, compare=False, repr=False)
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "head_pose_error": MetricFacts(title="Head pose error", unit="degrees", better="down", digits=2),
    }
    names: tuple[str, ...] = ("head_pose_error",)
    needs: tuple[str, ...] = ("truth", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        source = _Source(reads_pose=self.reads_pose, shape=self.shape, tracks=_tracks(video)).define(video.reader)
        text = f"mean over frames of the angle in degrees between the head rotations of prediction and truth; {source}"
        return {"head_pose_error": f"{text}; {left_out(video)}"}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        source = _Source(reads_pose=self.reads_pose, shape=self.shape, tracks=_tracks(video))
        if reason := source.missing or too_few_faces(video.has_face):
            return {"head_pose_error": Outcome(missing=reason)}
        made, true = source.rotations
        return {"head_pose_error": mean(angles(made, true))}


@dataclass(frozen=True, kw_only=True)
class HeadJitter:
    """Metric: how much the head trembles, also without a truth; and against the truth's, where there is one."""

    reads_pose: bool = True  # as in HeadPoseError
    shape: Floats | None = field(default=None, compare=False, repr=False)
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "head_jitter": MetricFacts(title="Head jitter", unit="degrees/frame^2", better="none", digits=2),
        "head_jitter_ratio": MetricFacts(title="Head jitter over the truth's", better="none", digits=2),
    }
    names: tuple[str, ...] = ("head_jitter", "head_jitter_ratio")
    needs: tuple[str, ...] = ("faces",)

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        source = _Source(reads_pose=self.reads_pose, shape=self.shape, tracks=_tracks(video)).define(video.reader)
        change = (
            "mean over frames t of |w(t, t+1) - w(t-1, t)| in degrees per frame^2, where w(s, t) is the rotation vector that "
            "turns the head of frame s into that of frame t"
        )
        return {
            "head_jitter": f"{change}, of the prediction; {source}; {_runs(video.made.num_faces > 0)}",
            "head_jitter_ratio": f"the prediction's {change}, over the truth's; {source}; {_runs(video.has_face)}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        source = _Source(reads_pose=self.reads_pose, shape=self.shape, tracks=_tracks(video))
        if reason := source.missing:
            return {name: Outcome(missing=reason) for name in self.names}
        made, *true = (jitter(rotations) for rotations in source.rotations)
        ratio = _ratio(made, true[0], video.has_face) if true else Outcome(missing=NO_TRUTH)
        return {"head_jitter": _mean(made, video.made.num_faces > 0), "head_jitter_ratio": ratio}


def _mean(tremble: PerFrame, found: Bools) -> Outcome:
    reason = too_few_faces(found) or (None if np.isfinite(tremble).any() else _NO_RUN)
    return Outcome(missing=reason) if reason else mean(tremble)


def _ratio(made: PerFrame, true: PerFrame, found: Bools) -> Outcome:
    """Over frames where both have a number."""
    means = [_mean(np.where(np.isfinite(made + true), tremble, np.nan), found) for tremble in (made, true)]
    if means[0].value is None or means[1].value is None:
        return means[0]
    if means[1].value == 0:
        return Outcome(missing="the truth's head does not tremble at all: there is nothing to divide by")
    return Outcome(value=means[0].value / means[1].value)


def _runs(found: Bools) -> str:
    count = int((found[2:] & found[1:-1] & found[:-2]).sum())
    return f"{count} of {len(found)} frames have a face in them and in both their neighbours"


def _tracks(video: ScoredVideo) -> tuple[FaceTrack, ...]:
    return (video.made,) if video.true is None else (video.made, video.true)
