"""Landmark distance and mouth opening: how near the lips are, and whether they move with the speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.types import Floats

MOUTH = slice(48, 68)
_UPPER_INNER, _LOWER_INNER = (61, 62, 63), (67, 66, 65)


def landmark_distance(prediction: Floats, truth: Floats) -> NDArray[np.float64]:
    """LMD: (n, 68, 2) twice -> (n,) mean distance in pixels of the 20 mouth points, each set centred on its mean (METHODS 5.1)."""
    lips = [points[:, MOUTH] - points[:, MOUTH].mean(axis=1, keepdims=True) for points in (prediction, truth)]
    return np.linalg.norm(lips[0] - lips[1], axis=-1).mean(axis=-1).astype(np.float64)


def mouth_opening(landmarks: Floats) -> NDArray[np.float64]:
    """(n, 68, 2) -> (n,) mean distance in pixels of the three pairs of inner-lip points."""
    gap = landmarks[:, _UPPER_INNER] - landmarks[:, _LOWER_INNER]
    return np.linalg.norm(gap, axis=-1).mean(axis=-1).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Pearson correlation of two signals at lag 0, and the lag of the highest correlation (positive: prediction is late)."""

    correlation: float
    lag: int


def agreement(prediction: NDArray[np.float64], truth: NDArray[np.float64], max_lag: int = 10) -> Agreement | None:
    """None where a signal is constant or too short: then no correlation exists."""
    if len(truth) <= 2 * max_lag + 2:
        return None
    correlations = {}
    for lag in range(-max_lag, max_lag + 1):
        late, early = (
            prediction[max(lag, 0) : len(prediction) + min(lag, 0)],
            truth[max(-lag, 0) : len(truth) - max(lag, 0)],
        )
        correlations[lag] = _pearson(late, early)
    if any(value is None for value in correlations.values()):
        return None
    best = max(correlations, key=lambda lag: (correlations[lag], -abs(lag)))
    return Agreement(correlation=float(correlations[0]), lag=best)  # type: ignore[arg-type]


def _pearson(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    kept = np.isfinite(first) & np.isfinite(second)
    a, b = first[kept], second[kept]
    if len(a) < 10 or a.std() < 1e-6 or b.std() < 1e-6:
        return None
    return float(np.corrcoef(a, b)[0, 1])
