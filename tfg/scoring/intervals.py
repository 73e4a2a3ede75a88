"""Intervals of the numbers of one video, over its frames; how they are made: `tfg.statistics.bootstrap`."""

from __future__ import annotations

from typing import Any

from tfg.statistics import bootstrap
from tfg.statistics.bootstrap import CONFIDENCE
from tfg.statistics.measures import Measure, measure


def student(freedom: float) -> float:
    """How many standard errors the interval of a mean reaches to either side, by Student's t of so many degrees of freedom."""
    from scipy import stats

    return float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))


def intervals(metrics: dict[str, dict[str, Any]], truth: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of a record's entries, beside those of the truth against itself: the method, and name -> [low, high] where there is one."""
    return {"method": bootstrap.METHOD, "metrics": {name: _ends(measure(name, metrics, truth)) for name in metrics}}


def _ends(found: Measure | None) -> list[float] | None:
    made = None if found is None else found.interval()
    return None if made is None else [made.low, made.high]
