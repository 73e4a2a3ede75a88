"""Which statistic of which series a metric of a record is, so that its frames can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfg.record.metrics import IDENTICAL_DB
from tfg.statistics import bootstrap
from tfg.statistics.bootstrap import Scale, Series, Statistic

OPENINGS = "mouth_correlation"  # whose numbers per frame are mouth openings in pixels; the truth's stand in its entry of the truth
CLOSED, WIDE = 0.25, 90  # a mouth is closed below this share of this percentile of the truth's openings
MEANS_BESIDE_A_CURVE = (
    "sync_c_listener",
    "sync_d_listener",
)  # means of their numbers per frame, though these are also drawn
_ROUNDING = 1e-6  # relative: a statistic of the series that differs more from the recorded number is another statistic


@dataclass(frozen=True, kw_only=True)
class Measure:
    """statistic(series) is the metric's number."""

    series: Series  # (k, n), NaN where a frame has no number
    statistic: Statistic
    scale: Scale | None = None  # for an interval of the number itself

    def interval(self) -> bootstrap.Estimate | None:
        return bootstrap.estimate(self.series, self.statistic, self.scale)


def measure(name: str, metrics: Mapping[str, dict[str, Any]], truth: Mapping[str, dict[str, Any]]) -> Measure | None:
    """Of a metric of a video's entries; `truth`: entries of the truth scored against itself. None where the entries do not hold
    the series, or another one than the number was made of."""
    entry = metrics[name]
    if entry["value"] is None:
        return None
    measured = _without_view(name, _OF_OPENINGS)
    if measured is not None:
        openings = OPENINGS + name.removeprefix(measured)  # of the same view
        made, true = (_row(entries.get(openings, {}).get("per_frame")) for entries in (metrics, truth))
        if made is None or true is None or len(made) != len(true):
            return None
        found = _OF_OPENINGS[measured](np.stack([made, true]))
    else:
        is_mean = not entry["curve"] or _without_view(name, MEANS_BESIDE_A_CURVE) is not None
        row = _row(entry["per_frame"]) if is_mean else None
        if row is None:
            return None
        found = Measure(series=row[None], statistic=bootstrap.mean)
    whole = bootstrap.kept(found.series)
    if not whole.size:
        return None
    value = float(found.statistic(whole))
    recorded = IDENTICAL_DB if np.isinf(float(entry["value"])) else float(entry["value"])
    return found if abs(value - recorded) <= _ROUNDING * max(1.0, abs(recorded)) else None


def _without_view(name: str, known: Iterable[str]) -> str | None:
    """Which of the known metrics `name` is, also of a view (`mouth_correlation_right30`)."""
    return next((one for one in known if name == one or name.startswith(f"{one}_")), None)


def _correlation(openings: Series) -> Measure:
    return Measure(series=openings, statistic=bootstrap.correlation, scale=bootstrap.FISHER)


def _amplitude(openings: Series) -> Measure:
    return Measure(series=openings, statistic=bootstrap.spread_ratio, scale=bootstrap.LOGARITHM)


def _recall(openings: Series) -> Measure:
    _, true, both = _closed(openings)
    return Measure(series=np.stack([both, true]), statistic=bootstrap.ratio)


def _precision(openings: Series) -> Measure:
    made, _, both = _closed(openings)
    return Measure(series=np.stack([both, made]), statistic=bootstrap.ratio)


_OF_OPENINGS = {
    "mouth_correlation": _correlation,
    "mouth_amplitude": _amplitude,
    "closure_recall": _recall,
    "closure_precision": _precision,
}


def _closed(openings: Series) -> Series:
    """(3, n) 1 where the prediction's, the truth's, both mouths are closed; the threshold stays when frames are drawn."""
    threshold = CLOSED * np.percentile(bootstrap.kept(openings)[1], WIDE) if bootstrap.kept(openings).size else np.nan
    closed = np.where(np.isnan(openings).any(axis=0), np.nan, (openings < threshold).astype(np.float64))
    return np.concatenate([closed, closed.min(axis=0, keepdims=True)])


def _row(per_frame: list[Any] | None) -> Series | None:
    """(n,) with NaN for no number; PSNR of a frame equal to its truth counts IDENTICAL_DB."""
    if per_frame is None:
        return None
    row = np.array([np.nan if value is None else float(value) for value in per_frame], np.float64)
    return np.where(np.isinf(row), IDENTICAL_DB, row)
