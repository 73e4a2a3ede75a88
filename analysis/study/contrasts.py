"""A number a method with a joint covariance: each, and each difference, with Student's t interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    methods: tuple[str, ...]
    values: NDArray[np.float64]  # (methods,)
    covariance: NDArray[np.float64] | None  # (methods, methods); None with one rater: nothing says how raters differ
    degrees: int  # of freedom
    over: str  # what intervals are over

    def of(self, method: str) -> tuple[float, float | None, float | None]:
        """Value, low, high."""
        return self._interval(np.eye(len(self.methods))[self.methods.index(method)])

    def between(self, first: str, second: str) -> tuple[float, float | None, float | None]:
        """First minus second."""
        unit = np.eye(len(self.methods))
        return self._interval(unit[self.methods.index(first)] - unit[self.methods.index(second)])

    def _interval(self, weights: NDArray[np.float64]) -> tuple[float, float | None, float | None]:
        value = float(weights @ self.values)
        if self.covariance is None:
            return value, None, None
        error = float(np.sqrt(weights @ self.covariance @ weights))
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, self.degrees)) * error
        return value, value - reach, value + reach
