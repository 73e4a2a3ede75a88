"""A run's numbers frame by frame: aligned rows for the bootstrap, and the interval of every number that has one."""

from __future__ import annotations

import numpy as np

from tfg.metrics import closure
from tfg.metrics.base import IDENTICAL_DB, MetricValue
from tfg.statistics import bootstrap

OPENING = "mouth_correlation"  # its numbers per frame are the prediction's mouth openings
MEANS_WITH_A_CURVE = (
    "sync_c_listener",
    "sync_d_listener",
)  # the mean of their numbers per frame, though another curve is drawn
Interval = tuple[float, float]


def rows(*values: MetricValue) -> bootstrap.Values:
    """(k, n) numbers per frame; NaN where a frame has none, IDENTICAL_DB where it equals its truth."""
    found = []
    for value in values:
        assert value.per_frame is not None, "numbers per frame"
        row = np.array([np.nan if frame is None else frame for frame in value.per_frame], np.float64)
        found.append(np.where(np.isinf(row), IDENTICAL_DB, row))
    return np.stack(found)


def intervals(values: dict[str, MetricValue], truth: dict[str, MetricValue]) -> dict[str, Interval]:
    """Of every number that is a mean over frames, a correlation, a share or a ratio of openings: name -> (low, high)."""
    found = {name: _of_mean(name, value) for name, value in values.items()}
    if OPENING in values and _has_frames(values[OPENING]) and _has_frames(truth[OPENING]):
        found |= _of_openings(rows(values[OPENING], truth[OPENING]), values)
    return {name: interval for name, interval in found.items() if interval is not None}


def opening_interval(value: MetricValue, truth: MetricValue) -> bootstrap.Estimate | None:
    """Of a mouth correlation: the prediction's openings against the truth's."""
    if not _has_frames(value) or not _has_frames(truth):
        return None
    return bootstrap.estimate(rows(value, truth), bootstrap.correlation, bootstrap.FISHER)


def _of_openings(pair: bootstrap.Values, values: dict[str, MetricValue]) -> dict[str, Interval | None]:
    threshold = closure.closed_below(pair[1])
    statistics = {
        OPENING: (bootstrap.correlation, bootstrap.FISHER),
        "closure_recall": (lambda p: closure.recall(p[0], p[1], threshold), None),
        "closure_precision": (lambda p: closure.precision(p[0], p[1], threshold), None),
        "mouth_amplitude": (bootstrap.spread_ratio, bootstrap.LOGARITHM),
    }
    return {
        name: _ends(bootstrap.estimate(pair, statistic, scale))
        for name, (statistic, scale) in statistics.items()
        if name in values and values[name].value is not None
    }


def _of_mean(name: str, value: MetricValue) -> Interval | None:
    if value.value is None or value.per_frame is None or (value.facts.curve and name not in MEANS_WITH_A_CURVE):
        return None
    if np.isinf(value.value):
        return None
    return _ends(bootstrap.mean_of(rows(value)[0]))


def _ends(found: bootstrap.Estimate | None) -> Interval | None:
    return None if found is None else (found.low, found.high)


def _has_frames(value: MetricValue) -> bool:
    return value.value is not None and value.per_frame is not None
