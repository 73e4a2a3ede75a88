"""The boxes that are scored: face and mouth, from the true landmarks of each frame, the same for prediction and truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import MOUTH
from tfg.types import Bools, Floats

FACE_MARGIN = 0.1  # of the landmarks' height, each way
MOUTH_MARGIN = 0.2  # of the mouth's width, each way
SMALLEST = 11  # pixels each way, SSIM's window
FACE_BOX = "box of the frame's 68 true landmarks enlarged by 10 % of its height"
MOUTH_BOX = "box of the frame's 20 true mouth points enlarged by 20 % of its width"
FULL_FRAME = "full frame"

Boxes = NDArray[np.int64]


def face_boxes(landmarks: Floats, height: int, width: int) -> Boxes:
    """(n, 68, 2) -> (n, 4) left, top, right, bottom in whole pixels; zeros where there is no face."""
    low, high = landmarks.min(axis=1), landmarks.max(axis=1)
    return _boxes(low, high, FACE_MARGIN * (high[:, 1] - low[:, 1]), height, width)


def mouth_boxes(landmarks: Floats, height: int, width: int) -> Boxes:
    """(n, 68, 2) -> (n, 4), as `face_boxes`."""
    mouth = landmarks[:, MOUTH]
    low, high = mouth.min(axis=1), mouth.max(axis=1)
    return _boxes(low, high, MOUTH_MARGIN * (high[:, 0] - low[:, 0]), height, width)


def _boxes(low: Floats, high: Floats, grow: Floats, height: int, width: int) -> Boxes:
    """Clipped to the picture, never smaller than SSIM's window."""
    size = np.array([width, height])
    if (size < SMALLEST).any():
        return np.zeros((len(low), 4), np.int64)
    known: Bools = np.asarray(np.isfinite(low).all(axis=1) & np.isfinite(high).all(axis=1))
    low, high = (np.where(known[:, None], corner, 0) for corner in (low, high))
    grow = np.where(known, grow, 0)[:, None]
    first = np.clip(np.floor(low - grow), 0, size - SMALLEST)
    last = np.clip(np.ceil(high + grow), first + SMALLEST, size)
    return np.where(known[:, None], np.concatenate([first, last], axis=1), 0).astype(np.int64)
