"""From landmarks to the 224 pixel pictures that SyncNet takes: boxes, tracks, smoothed squares, cuts (joonson/syncnet_python).

Differs from: SyncNet's pipeline, which detects faces with S3FD on pictures scaled by 0.25 and splits tracks at scene cuts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.syncnet.network import SIZE
from tfg.types import Bytes, Floats

# Part of the 68 points' height that a detector's box reaches above the brows.
# S3FD learned boxes that hold forehead, chin and cheeks (WIDER FACE); the points reach from brows to chin and from ear to ear.
# DECA's conversion between both (a detector's box is 1.1 times as large and its centre 0.12 sizes higher) gives 0.23 for a face
# as wide as high, and a chin 0.03 higher.
FOREHEAD = 0.25
MOST_MISSED = 25  # frames from one detection to the next in the same track
OVERLAP = 0.5  # least intersection over union of a track's consecutive boxes
SHORTEST = 100  # detections; a track needs more
SMOOTHING = 13  # frames of the median filter
GREY = 110  # beyond the picture's border
_ABOVE, _BELOW, _BESIDE = 1.0, 1.8, 1.4  # from the centre, in half sizes: crop_scale 0.4

Boxes = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Track:
    """One face over consecutive frames; boxes between detections are interpolated."""

    start: int  # first frame
    boxes: Boxes  # (n, 4) left, top, right, bottom in pixels, a detector's
    detections: int

    @property
    def size(self) -> float:
        """Mean width or mean height of the boxes in pixels, whichever is larger."""
        return float((self.boxes[:, 2:] - self.boxes[:, :2]).mean(axis=0).max())


def detector_boxes(landmarks: Floats) -> Boxes:
    """(n, 68, 2) -> (n, 4) what a face detector would give: the points' box and the forehead; NaN where there is no face."""
    low, high = (np.asarray(side, np.float64) for side in (landmarks.min(axis=1), landmarks.max(axis=1)))
    low[:, 1] -= FOREHEAD * (high[:, 1] - low[:, 1])
    return np.concatenate([low, high], axis=1)


def link(boxes: Boxes) -> list[Track]:
    """(n, 4), at most one face a frame -> tracks by overlap, in order of their first frame, of any length and size."""
    free = np.flatnonzero(np.isfinite(boxes).all(axis=1)).tolist()
    tracks = []
    while free:
        taken = [free[0]]
        for frame in free[1:]:
            if frame - taken[-1] > MOST_MISSED:
                break
            if intersection_over_union(boxes[frame], boxes[taken[-1]]) > OVERLAP:
                taken.append(frame)
        tracks.append(_filled(boxes, taken, taken[0], taken[-1] + 1))
        free = sorted(set(free) - set(taken))
    return tracks


def whole(boxes: Boxes) -> Track | None:
    """All frames as one track, missing boxes interpolated and held at the ends; None without any face."""
    known = np.flatnonzero(np.isfinite(boxes).all(axis=1)).tolist()
    return _filled(boxes, known, 0, len(boxes)) if known else None


def _filled(boxes: Boxes, known: list[int], start: int, stop: int) -> Track:
    frames = np.arange(start, stop)
    sides = [np.interp(frames, known, boxes[known, side]) for side in range(4)]
    return Track(start=start, boxes=np.stack(sides, axis=1), detections=len(known))


def intersection_over_union(first: Boxes, second: Boxes) -> float:
    """Of two boxes (4,)."""
    shared = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    common = shared.clip(0).prod()
    return float(common / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - common))


def squares(track: Track) -> NDArray[np.int64]:
    """(n, 4) left, top, right, bottom of the cuts in whole pixels: median filtered centre and half size s of the boxes.

    The cut reaches s above, 1.8 s below and 1.4 s beside the centre; it may leave the picture. As in the official script the
    filter takes zeros beyond the ends, so the first and last six frames are cut around the smallest of the nearby values.
    """
    from scipy.signal import medfilt

    low, high = track.boxes[:, :2], track.boxes[:, 2:]
    s = medfilt((high - low).max(axis=1) / 2, SMOOTHING)
    x, y = (medfilt(centre, SMOOTHING) for centre in ((low + high) / 2).T)
    return np.floor(np.stack([x - _BESIDE * s, y - _ABOVE * s, x + _BESIDE * s, y + _BELOW * s], axis=1)).astype(
        np.int64
    )


def cut(picture: Bytes, square: NDArray[np.int64]) -> Bytes:
    """(height, width, 3) -> (224, 224, 3) of the square, grey beyond the border, bilinear."""
    import cv2

    left, top, right, bottom = square.tolist()
    canvas = np.full((bottom - top, right - left, 3), GREY, np.uint8)
    inside_top, inside_left = max(top, 0), max(left, 0)
    inside = picture[inside_top : max(bottom, 0), inside_left : max(right, 0)]
    if inside.size:
        row, column = inside_top - top, inside_left - left
        canvas[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return np.asarray(cv2.resize(canvas, (SIZE, SIZE)), np.uint8)
