"""What a selector may know of segments, as an atlas has it: by the selectors' own measures, from the features of the training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from tfg import overrides, parts
from tfg.atlas.columns import FACES, POSE_DEGREES, SOUND
from tfg.features.cameras import fit_cameras
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import read_crop
from tfg.features.portrait import frame_face
from tfg.landmarks import mouth_opening
from tfg.rotations import nearest_angles
from tfg.scoring.pose_gap import RANGE, coverage
from tfg.selection import features_of
from tfg.selectors.columns import MOTION, names_of, of_faces, of_sound
from tfg.selectors.faces import Rejected, clear_frames, complete_landmarks
from tfg.selectors.voicing import voiced_frames
from tfg.types import SAMPLES_PER_FRAME, Bools, FaceTrack, Floats, Segment

CLOSED = 0.25  # of the opening's 90th percentile
Row = dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The faces of the training part; n frames have one face."""

    track: FaceTrack
    frames: np.ndarray  # (n,) those frames, ascending
    rotation: np.ndarray  # (n, 3, 3) camera from head
    translation: np.ndarray  # (n, 3) head units
    opening: Floats  # (n,) of the mouth, in median eye distances

    def rows(self, segment: Segment) -> slice:
        first, last = np.searchsorted(self.frames, [segment.start, segment.stop])
        return slice(int(first), int(last))


def segment_features(given: Sequence[str], segments: Sequence[Segment]) -> tuple[list[Row], dict[str, float | None]]:
    """A row of columns for each segment, and the clip's costs: seconds by the clock of features made anew.

    `given`: overrides that name the clip, what is held out, the size of the pictures and the audio features.
    """
    config = overrides.composed(overrides.complete([*given, "selector=isexplore", *overrides.UNTRAINED]))
    built, clip = parts.build(config), parts.open_clip(config)
    features = features_of(built.selector_audio, built.face, built.masks, clip)
    logmel = parts.build(
        overrides.composed(overrides.complete([*given, "selector_audio=logmel", *overrides.UNTRAINED]))
    )
    stop = clip.num_reference_frames
    with features.costing() as of_audio:
        sound = features.sound()[:stop]
    with features.costing() as of_faces:
        reference = _reference(features, read_crop(config.clip.crop, clip))
    voiced = voiced_frames(clip.audio()[: stop * SAMPLES_PER_FRAME])
    rows: list[Row] = [{} for _ in segments]
    of_logmel = [name for name in names_of(SOUND) if name.startswith("logmel_")]
    _add_sound(rows, [name for name in names_of(SOUND) if name not in of_logmel], sound, voiced, segments)
    _add_sound(rows, of_logmel, replace(features, audio=logmel.selector_audio).sound()[:stop], voiced, segments)
    for row, segment in zip(rows, segments, strict=True):
        row |= motion_columns(reference.track, segment) | face_columns(reference, segment)
    given_faces = features.face.name == "sidecar"
    each = None if given_faces else of_faces.cold.seconds / stop
    for row, segment in zip(rows, segments, strict=True):
        row["faces_seconds"] = None if each is None else each * segment.num_frames
    return rows, {"audio_seconds": of_audio.cold.seconds}


def _reference(features: ClipFeatures, crop: Any) -> Reference:
    cut = frame_face(features, crop).clip
    track = features.track(0, features.clip.num_reference_frames)
    frames = np.flatnonzero(clear_frames(track))
    landmarks = track.landmarks[frames]
    cameras = fit_cameras(cut.to_clip(landmarks), cut.size, frames=frames).cameras
    return Reference(
        track=track,
        frames=frames,
        rotation=cameras.rotation.astype(np.float64),
        translation=cameras.translation.astype(np.float64),
        opening=mouth_opening(landmarks, "run"),
    )


def _add_sound(
    rows: Sequence[Row], names: Sequence[str], vectors: Floats, voiced: Bools, segments: Sequence[Segment]
) -> None:
    """Windows of one length are measured together, as a selector does."""
    for name, length in product(names, sorted({segment.num_frames for segment in segments})):
        chosen = [row for row, segment in enumerate(segments) if segment.num_frames == length]
        found = of_sound(name, vectors, voiced, [segments[row].start for row in chosen], length)
        for row, value in zip(chosen, found, strict=True):
            rows[row][name] = float(value)


def motion_columns(track: FaceTrack, segment: Segment) -> Row:
    """Every reading of motion complexity, and how large the motion is; None where a selector would reject the segment."""
    landmarks = complete_landmarks(track, segment.start, segment.stop, MOTION.max_missing)
    if isinstance(landmarks, Rejected):
        return dict.fromkeys(names_of(FACES))
    return {name: of_faces(name, landmarks) for name in names_of(FACES)}


def face_columns(reference: Reference, segment: Segment) -> Row:
    """Mouth and pose of a segment against the training part's; None where no frame of it has one face."""
    rows = reference.rows(segment)
    names = (
        "mouth_range",
        "mouth_share",
        "mouth_closed",
        "pose_clusters",
        "pose_spread",
        "reference_gap",
        "pose_mouth_r2",
    )
    if rows.stop - rows.start < 2:
        return dict.fromkeys(names)
    opening, rotation = reference.opening[rows].astype(np.float64), reference.rotation[rows]
    low, high = np.percentile(opening, RANGE)
    closed = CLOSED * np.percentile(reference.opening, 90)
    turns = Rotation.from_matrix(rotation)
    return {
        "mouth_range": float(high - low),
        "mouth_share": coverage(opening, reference.opening),
        "mouth_closed": float((opening < closed).mean()),
        "pose_clusters": float(len(clusters(rotation, POSE_DEGREES))),
        "pose_spread": float(np.degrees((turns * turns.mean().inv()).magnitude()).mean()),
        "reference_gap": float(nearest_angles(reference.rotation, rotation).mean()),
        "pose_mouth_r2": explained(np.concatenate([turns.as_rotvec(), reference.translation[rows]], axis=1), opening),
    }


def clusters(rotation: np.ndarray, degrees: float) -> list[int]:
    """(n, 3, 3) -> rows of the centres of a greedy covering: a row farther than `degrees` from all before it is a new one."""
    centres: list[int] = []
    for row in range(len(rotation)):
        if not centres or nearest_angles(rotation[row : row + 1], rotation[centres])[0] > degrees:
            centres.append(row)
    return centres


def explained(inputs: np.ndarray, values: np.ndarray) -> float | None:
    """R2 of a least-squares map with an intercept, (n, k) -> (n,); None where the values are all alike."""
    spread = values - values.mean()
    if np.ptp(values) == 0:
        return None
    weights, *_ = np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], values, rcond=None)
    left = values - np.c_[inputs, np.ones(len(inputs))] @ weights
    return float(1 - (left @ left) / (spread @ spread))
