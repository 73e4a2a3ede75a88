"""Intervals of statistics of frames: neighbouring frames resemble each other, so whole stretches are drawn.

Moving-block bootstrap (Kuensch 1989). An interval holds for other speech of the same person by the same head, not for other people
or other heads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

CONFIDENCE = 0.95
SHORTEST = 25  # frames of a block, 1 s
FEWEST_FRAMES = 100
DRAWS = 2000

Series: TypeAlias = NDArray[np.float64]  # (k, n): k aligned numbers of n frames; NaN where a frame has none
Statistic: TypeAlias = Callable[[Series], NDArray[np.float64]]  # (k, ..., n) -> (...)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number, its interval, and the probability that it is above 0 by the same distribution."""

    value: float
    low: float
    high: float
    probability: float


def estimate(series: Series, statistic: Statistic) -> Estimate | None:
    """Of the statistic of (k, n) series; columns with a NaN are left out. None: too few frames, or a statistic that does not vary."""
    return _estimate(series, statistic)


def difference(first: Series, second: Series, statistic: Statistic) -> Estimate | None:
    """statistic(first) - statistic(second), paired: the same stretches of frames are drawn from both (k, n)."""
    rows = len(first)

    def both(series: Series) -> NDArray[np.float64]:
        return statistic(series[:rows]) - statistic(series[rows:])

    return _estimate(np.concatenate([first, second]), both)


def mean(series: Series) -> NDArray[np.float64]:
    """Statistic: mean of the one row."""
    return np.asarray(series[0].mean(axis=-1))


def correlation(series: Series) -> NDArray[np.float64]:
    """Statistic: Pearson's r of the two rows."""
    first, second = (row - row.mean(axis=-1, keepdims=True) for row in series)
    return np.asarray(
        (first * second).sum(axis=-1) / np.sqrt((first * first).sum(axis=-1) * (second * second).sum(axis=-1))
    )


def spread_ratio(series: Series) -> NDArray[np.float64]:
    """Statistic: standard deviation of the first row over the second's."""
    return np.asarray(series[0].std(axis=-1) / series[1].std(axis=-1))


def ratio(series: Series) -> NDArray[np.float64]:
    """Statistic: sum of the first row over the second's, as a recall (hits, true cases) and a precision."""
    return np.asarray(series[0].sum(axis=-1) / series[1].sum(axis=-1))


def _estimate(series: Series, statistic: Statistic) -> Estimate | None:
    whole = np.asarray(series, np.float64)
    whole = whole[:, ~np.isnan(whole).any(axis=0)]
    if whole.shape[1] < FEWEST_FRAMES:
        return None
    rng = np.random.default_rng(0)
    frames = whole.shape[1]
    starts = rng.integers(0, frames - SHORTEST + 1, (DRAWS, -(-frames // SHORTEST)))
    rows = (starts[:, :, None] + np.arange(SHORTEST)).reshape(DRAWS, -1)[:, :frames]
    value = float(statistic(whole))
    error = float(np.std(statistic(whole[:, rows]), ddof=1))
    if not np.isfinite(error) or error == 0:
        return None
    freedom = frames / SHORTEST - 1
    reach = float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    return Estimate(
        value=value,
        low=value - reach,
        high=value + reach,
        probability=float(special.stdtr(freedom, value / error)),
    )
