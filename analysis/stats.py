"""Means with intervals. One run has no interval: a spread that was not measured is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True, kw_only=True)
class Estimate:
    mean: float
    low: float | None  # None with a single value
    high: float | None
    count: int


def estimate(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Mean with Student's t interval: mean +- t(n - 1) * s / sqrt(n). For few seeds, where a bootstrap is too narrow."""
    numbers = np.asarray(values, np.float64)
    if not len(numbers) or not np.isfinite(numbers).all():
        raise ValueError(f"estimate needs finite numbers, got {list(values)}")
    mean, count = float(numbers.mean()), len(numbers)
    if count == 1:
        return Estimate(mean=mean, low=None, high=None, count=1)
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1) * numbers.std(ddof=1) / np.sqrt(count))
    return Estimate(mean=mean, low=mean - half, high=mean + half, count=count)
