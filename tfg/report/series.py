"""The numbers per frame of a run, as its page and a comparison use them: rows, and which statistic of which rows a metric is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.record.metrics import IDENTICAL_DB
from tfg.scoring.sheet import curves
from tfg.statistics import bootstrap
from tfg.statistics.measures import Measure

Row = NDArray[np.float64]
_FLAGS = "01-"  # 0, 1, no number
_STATISTICS: dict[bootstrap.Statistic, str] = {
    bootstrap.mean: "mean",
    bootstrap.correlation: "correlation",
    bootstrap.spread_ratio: "spread_ratio",
    bootstrap.ratio: "ratio",
}
DECODED = "_decoded"  # ends the names of metrics measured again on the files; without frames in the site


class Rows:
    """Rows by name, each kept once."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}
        self.encoded: dict[str, str] = {}

    def add(self, values: Row) -> str:
        """The row's name."""
        key = values.tobytes()
        if key not in self._names:
            self._names[key] = f"r{len(self._names)}"
            self.encoded[self._names[key]] = encode(values)
        return self._names[key]


def encode(values: Row) -> str:
    """`b:` and a digit a frame, `f:` base64 of float32 or `d:` of float64, the shortest that holds exactly these numbers."""
    if np.isin(values[~np.isnan(values)], (0.0, 1.0)).all():
        return "b:" + "".join(_FLAGS[2 if np.isnan(value) else int(value)] for value in values)
    small = values.astype(np.float32)
    exact = np.array_equal(small.astype(np.float64), values, equal_nan=True)
    kept = small if exact else values
    return ("f:" if exact else "d:") + base64.b64encode(kept.astype(kept.dtype.newbyteorder("<")).tobytes()).decode()


def statistic_of(measure: Measure | None, rows: Rows) -> dict[str, Any] | None:
    """Name of the statistic and of its rows; None where the record does not hold what the number was made of."""
    if measure is None:
        return None
    return {"of": _STATISTICS[measure.statistic], "rows": [rows.add(row) for row in measure.series]}


def charts(
    metrics: Mapping[str, dict[str, Any]], truth: Mapping[str, dict[str, Any]], rows: Rows
) -> list[dict[str, Any]]:
    """Every metric with a number a frame: {title, lines: [{label, row}]}; the regions of one metric share a chart."""
    drawn = curves.charts({"metrics": metrics, "ground_truth": truth})
    return [
        {"title": chart.title, "lines": [{"label": line.label, "row": rows.add(_drawn(line))} for line in chart.lines]}
        for chart in drawn
    ]


def _drawn(line: curves.Line) -> Row:
    """As a statistic has them: a picture equal to its truth counts IDENTICAL_DB."""
    values = np.array(line.values, np.float64)
    return np.where(np.isinf(values), IDENTICAL_DB, values)
