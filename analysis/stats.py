"""Means with intervals. One run has no interval: a spread that was not measured is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from statsmodels.stats.weightstats import DescrStatsW

from tfg.record.metrics import IDENTICAL_DB


@dataclass(frozen=True, kw_only=True)
class Estimate:
    mean: float
    low: float | None  # None with a single value
    high: float | None
    count: int


def estimate(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Mean with Student's t interval: mean +- t(n - 1) * s / sqrt(n). For few seeds, where a bootstrap is too narrow.

    inf is the PSNR of a video against itself: of such values alone the mean is inf, among others each counts as 100 dB.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers) or np.isnan(numbers).any() or (numbers == -np.inf).any():
        raise ValueError(f"estimate needs numbers, got {list(values)}")
    if np.isinf(numbers).all():
        return Estimate(mean=float("inf"), low=None, high=None, count=len(numbers))
    numbers = np.where(np.isinf(numbers), IDENTICAL_DB, numbers)
    mean, count = float(numbers.mean()), len(numbers)
    if count == 1:
        return Estimate(mean=mean, low=None, high=None, count=1)
    low, high = DescrStatsW(numbers).tconfint_mean(alpha=1 - confidence)
    return Estimate(mean=mean, low=float(low), high=float(high), count=count)
