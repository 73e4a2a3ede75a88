"""Intervals of the numbers of one video that are means over its frames; how they are made: `tfg.statistics.bootstrap`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfg.metrics.base import IDENTICAL_DB
from tfg.statistics import bootstrap
from tfg.statistics.bootstrap import CONFIDENCE


@dataclass(frozen=True, kw_only=True)
class Interval:
    low: float
    high: float


def interval(per_frame: Sequence[float | None]) -> Interval | None:
    """Of the mean over frames (n,), None where a frame has no number and inf where it equals its truth; None by METHOD."""
    values = np.array([value for value in per_frame if value is not None], np.float64)
    if np.isinf(values).all():
        return None
    found = bootstrap.mean_of(np.where(np.isinf(values), IDENTICAL_DB, values))
    return None if found is None else Interval(low=found.low, high=found.high)


def student(freedom: float) -> float:
    """How many standard errors the interval of a mean reaches to either side, by Student's t of so many degrees of freedom."""
    from scipy import stats

    return float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))


def intervals(metrics: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of a record's entries: the method, and name -> [low, high] where there is one."""
    found = {name: _of(entry) for name, entry in metrics.items()}
    return {
        "method": bootstrap.METHOD,
        "metrics": {name: None if made is None else [made.low, made.high] for name, made in found.items()},
    }


def _of(entry: dict[str, Any]) -> Interval | None:
    if entry["value"] is None or entry["per_frame"] is None or entry["curve"]:
        return None
    return interval([None if value is None else float(value) for value in entry["per_frame"]])
