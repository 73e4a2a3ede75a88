"""How far the jaw is down, one number a frame, and the changes around each frame that all of the sync measure works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import CHIN, NOSE_BASE, eye_distance
from tfg.types import Bools, Floats

SURROUND = 8  # frames each way whose mean is taken off: a turned head, a held pose, a room's sound

Doubles = NDArray[np.float64]


def jaw_drop(landmarks: Floats) -> tuple[Doubles, Bools]:
    """(n, 68, 2) -> (n,) distance from nose to chin over the mean eye distance around, (n,) whether the frame shows a face.

    Frames without one are interpolated. Of 15 numbers of mouth and chin the one that sound of other people predicts best.
    """
    points = np.asarray(landmarks, np.float64)
    drop = np.linalg.norm(points[:, CHIN] - points[:, NOSE_BASE], axis=-1)
    known = np.isfinite(drop) & (eye_distance(points) > 0)
    if not known.any():
        return np.zeros(len(points)), known
    frames = np.arange(len(points))
    bridged = np.stack([np.interp(frames, frames[known], of[known]) for of in (drop, eye_distance(points))], axis=1)
    return bridged[:, 0] / means_around(bridged)[:, 1], known


def changes(values: NDArray[np.floating]) -> Doubles:
    """(n, k) less the mean of the frames around."""
    exact = np.asarray(values, np.float64)
    return exact - means_around(exact)


def means_around(values: Doubles) -> Doubles:
    """(n, k) -> (n, k) mean of the frames within SURROUND, fewer at the ends."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    index = np.arange(len(values))
    first, last = np.maximum(index - SURROUND, 0), np.minimum(index + SURROUND + 1, len(values))
    return (total[last] - total[first]) / (last - first)[:, None]
