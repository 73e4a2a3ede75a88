"""Hand-made chunks and scored videos for tests of metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfg.metrics.base import Chunk, ScoredVideo
from tfg.scoring.score import Held
from tfg.types import FaceTrack


def track_of(landmarks: np.ndarray, **fields: np.ndarray) -> FaceTrack:
    """A track of these landmarks (n, 68, 2), a face where they are finite; other fields NaN unless given."""
    found = np.isfinite(landmarks).all(axis=(1, 2)).astype(np.int64)
    return replace(
        FaceTrack.empty(0, len(landmarks)), num_faces=found, landmarks=landmarks.astype(np.float32), **fields
    )


def chunk_of(made, true, *, face=None, mouth=None, rows=slice(None)) -> Chunk:
    """Rows of two videos (n, h, w, 3); boxes (left, top, right, bottom) hold for every frame, by default the whole one."""
    height, width = made.shape[1:3]
    first = rows.start or 0
    count = len(made[rows])
    boxes = [np.tile(box or (0, 0, width, height), (count, 1)).astype(np.int64) for box in (face, mouth)]
    return Chunk(
        start=first,
        prediction=made[rows],
        truth=None if true is None else true[rows],
        prediction_before=made[first - 1] if first else None,
        truth_before=true[first - 1] if first and true is not None else None,
        made=FaceTrack.empty(0, count),
        true=None if true is None else FaceTrack.empty(0, count),
        face_boxes=boxes[0],
        mouth_boxes=boxes[1],
    )


def scored_video(made, true, *, made_track=None, true_track=None, audio=None) -> ScoredVideo:
    """Two videos in memory, as metrics get them; `true` may be None."""
    return ScoredVideo(
        prediction=Held(images=made),
        truth=None if true is None else Held(images=true),
        made=made_track or FaceTrack.empty(0, len(made)),
        true=None if true is None else true_track or FaceTrack.empty(0, len(true)),
        audio=audio,
        where=f"{len(made)} frames",
        reader="no reader",
    )
