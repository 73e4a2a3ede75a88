"""Frames without a face: short gaps are interpolated, longer ones are a named reason to reject."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfg.types import FPS, FaceTrack, Floats, InputError

MAX_GAP = 5  # frames


def gap_reason(track: FaceTrack, max_gap: int = MAX_GAP) -> str | None:
    """Why the track cannot be filled, naming its longest gap; None where every gap is at most `max_gap` frames."""
    missing = track.num_faces == 0
    if missing.all():
        return f"no face in frames {track.start} to {track.start + len(missing) - 1}"
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    if not len(lengths) or lengths.max() <= max_gap:
        return None
    first = track.start + int(starts[lengths.argmax()])
    return (
        f"no face for {int(lengths.max())} frames from frame {first} ({first / FPS:.1f} s), at most {max_gap} are bridged; "
        f"{int(missing.sum())} of {len(missing)} frames have none"
    )


def fill_gaps(track: FaceTrack, max_gap: int = MAX_GAP, where: str = "clip") -> FaceTrack:
    """The track with every gap of at most `max_gap` frames interpolated (held at the ends) and counted as one face.

    InputError with the reason where a gap is longer; `where` opens its message, a file or a part of it.
    """
    if reason := gap_reason(track, max_gap):
        raise InputError(f"{where}: {reason}; cut these frames out of the video, or choose another segment")
    found = np.flatnonzero(track.num_faces > 0)
    if len(found) == len(track.num_faces):
        return track
    rotation = _bridge(track.head_rotation, found)
    if np.isfinite(rotation).all():
        left, _, right = np.linalg.svd(rotation)
        rotation = (left @ right).astype(np.float32)
    return replace(
        track,
        num_faces=np.maximum(track.num_faces, 1),
        landmarks=_bridge(track.landmarks, found),
        upper=_bridge(track.upper, found),
        blendshapes=_bridge(track.blendshapes, found),
        head_rotation=rotation,
    )


def _bridge(values: Floats, found: np.ndarray) -> Floats:
    """Rows between `found` ones, linear in time: (n, ...) -> (n, ...)."""
    rows = np.arange(len(values))
    after = np.clip(np.searchsorted(found, rows), 0, len(found) - 1)
    before = np.clip(np.searchsorted(found, rows, side="right") - 1, 0, len(found) - 1)
    low, high = found[before], found[after]
    share = (rows - low) / np.maximum(high - low, 1)
    share = np.clip(share, 0, 1).reshape(-1, *[1] * (values.ndim - 1))
    return (values[low] * (1 - share) + values[high] * share).astype(np.float32)
