"""Intervals of statistics of frames: neighbouring frames resemble each other, so whole blocks of them are drawn.

Moving-block bootstrap (Kuensch 1989) of any statistic of aligned series, and of differences of two runs on the same frames. The
standard error that it gives is corrected for what blocks of a finite length do not show, and the interval is Student's t, averaged
over what the series leaves open (`autocorrelation`). It holds for other speech of the same person by the same heads, not for other
people or for heads trained anew. How often it covers: benchmarks/coverage.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from tfg.statistics.autocorrelation import SHORTEST_BLOCK, Blocks, blocks

CONFIDENCE = 0.95
FEWEST_FRAMES = 4 * SHORTEST_BLOCK
DRAWS = 1000
METHOD = (
    f"{100 * CONFIDENCE:g} % interval over the frames of one video: moving-block bootstrap, blocks of at least {SHORTEST_BLOCK} "
    "consecutive frames with a number, longer by Politis and White's rule where frames resemble each other for longer; the error "
    "corrected for the length of the blocks; Student's t; none for fewer than "
    f"{FEWEST_FRAMES} such frames, where nothing varies, and where nothing but a pattern repeats"
)
NO_INTERVAL = (
    f"no interval: fewer than {FEWEST_FRAMES} frames with a number, or no frame differs, or they only repeat a pattern"
)

Series: TypeAlias = NDArray[np.float64]
Statistic: TypeAlias = Callable[[Series], Series]  # (k, ..., n) -> (...), of k aligned numbers of n frames
_CHUNK = 2_000_000  # numbers drawn at once
_NEGLIGIBLE = 1e-4  # weight of a model


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number, its interval, and the probability that it is above 0 by the same distribution."""

    value: float
    low: float
    high: float
    probability: float


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Where a statistic is nearer to normal, so that its interval keeps within its range."""

    to: Callable[[Series], Series]
    back: Callable[[Series], Series]


FISHER = Scale(to=np.arctanh, back=np.tanh)  # of a correlation
LOGARITHM = Scale(to=np.log, back=np.exp)  # of a ratio


def estimate(series: Series, statistic: Statistic, scale: Scale | None = None) -> Estimate | None:
    """Of the statistic of (k, n) series, columns with a NaN left out; `scale`: where the interval is made.

    None: fewer than FEWEST_FRAMES columns, a statistic that does not vary or has no value in some draw, or blocks that all give the
    same number though frames differ, as where a pattern repeats: that shows how the blocks lie in it, and no certainty.
    """
    whole = kept(series)
    if statistic is mean and scale is None:
        return mean_of(whole[0])
    if whole.shape[1] < FEWEST_FRAMES:
        return None

    def scaled(rows: Series) -> Series:
        found = statistic(rows)
        return found if scale is None else scale.to(found)

    with np.errstate(all="ignore"):
        value = float(scaled(whole))
        influence = _influence(whole, scaled)
        if not np.isfinite(influence).all() or _still(influence, value):
            return None
        found = blocks(influence)
        if found is None:
            return None
        drawn = draw(whole, scaled, found.length)
        zero = 0.0 if scale is None else float(scale.to(np.zeros(())))
    if not np.isfinite(drawn).all() or _still(drawn, max(abs(value), float(np.ptp(influence)))):
        return None
    made = _student(value, float(np.std(drawn, ddof=1)), found, zero)
    if scale is None:
        return made
    value, low, high = (float(scale.back(np.asarray(end))) for end in (made.value, made.low, made.high))
    return Estimate(value=value, low=low, high=high, probability=made.probability)


def difference(first: Series, second: Series, statistic: Statistic) -> Estimate | None:
    """statistic(first) - statistic(second), paired: the same blocks of frames are drawn from both (k, n); None as `estimate`."""
    rows, together = len(first), np.concatenate([first, second])
    if statistic is mean:
        whole = kept(together)
        return mean_of(whole[0] - whole[rows])

    def both(series: Series) -> Series:
        return statistic(series[:rows]) - statistic(series[rows:])

    return estimate(together, both)


def mean_of(values: Series) -> Estimate | None:
    """`estimate` of the mean of (n,) numbers, with the error that infinitely many draws would give."""
    known = values[~np.isnan(values)]
    if len(known) < FEWEST_FRAMES or _still(known, 0.0):
        return None
    found = blocks(known)
    if found is None:
        return None
    sums = np.concatenate([[0.0], np.cumsum(known - known.mean())])
    means = (sums[found.length :] - sums[: -found.length]) / found.length
    if _still(means, float(np.abs(known).max())):
        return None
    return _student(float(known.mean()), float(np.sqrt(found.length / len(known)) * means.std()), found, 0.0)


def mean(series: Series) -> Series:
    """Statistic: mean of one row."""
    return np.asarray(series[0].mean(axis=-1))


def correlation(series: Series) -> Series:
    """Statistic: Pearson's r of two rows."""
    first, second = (row - row.mean(axis=-1, keepdims=True) for row in series)
    return np.asarray((first * second).sum(axis=-1) / np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1)))


def spread_ratio(series: Series) -> Series:
    """Statistic: standard deviation of the first row over the second's."""
    return np.asarray(series[0].std(axis=-1) / series[1].std(axis=-1))


def ratio(series: Series) -> Series:
    """Statistic: sum of the first row over the second's, as a recall (frames found, frames there)."""
    return np.asarray(series[0].sum(axis=-1) / series[1].sum(axis=-1))


def kept(series: Series) -> Series:
    """(k, m): the columns of (k, n) in which every row has a number."""
    whole = np.asarray(series, np.float64)
    return whole[:, ~np.isnan(whole).any(axis=0)]


def draw(whole: Series, statistic: Statistic, length: int) -> Series:
    """(DRAWS,) the statistic of as many columns of (k, n), in blocks of `length`; the same for the same input."""
    frames = whole.shape[1]
    starts = np.random.default_rng(0).integers(0, frames - length + 1, (DRAWS, -(-frames // length)))
    at_once = max(1, _CHUNK // whole.size)
    parts = []
    for first in range(0, DRAWS, at_once):
        rows = starts[first : first + at_once, :, None] + np.arange(length)
        parts.append(statistic(whole[:, rows.reshape(len(rows), -1)[:, :frames]]))
    return np.concatenate(parts)


def _influence(whole: Series, statistic: Statistic) -> Series:
    """(n,) what each frame adds to the statistic of (k, n): jackknife pseudo-values less a constant."""
    frames = whole.shape[1]
    at_once = max(1, _CHUNK // whole.size)
    parts = []
    for first in range(0, frames, at_once):
        left_out = np.arange(first, min(first + at_once, frames))
        rows = np.arange(frames - 1) + (np.arange(frames - 1) >= left_out[:, None])
        parts.append(statistic(whole[:, rows]))
    return -(frames - 1) * np.concatenate(parts)


def _still(numbers: Series, size: float) -> bool:
    """Whether nothing but the rounding of numbers of this size, or of their own, varies."""
    return bool(np.ptp(numbers) <= 1e-9 * max(abs(size), float(np.abs(numbers).max())))


def _student(value: float, error: float, found: Blocks, zero: float) -> Estimate:
    """The interval of the mixture of Student's t over the models; `error` is the one between blocks."""
    likely = found.weights > _NEGLIGIBLE
    weights, freedom = found.weights[likely] / found.weights[likely].sum(), found.freedom[likely]
    errors = error / np.sqrt(found.share[likely])

    def probability(above: float) -> float:
        return float(weights @ special.stdtr(freedom, above / errors))

    ends = special.stdtrit(freedom, 0.5 + CONFIDENCE / 2) * errors
    low, high = float(ends.min()), float(ends.max())
    wanted = 0.5 + CONFIDENCE / 2
    reach = low if high - low < 1e-12 * high else optimize.brentq(lambda x: probability(x) - wanted, low, high)
    return Estimate(value=value, low=value - reach, high=value + reach, probability=probability(value - zero))
