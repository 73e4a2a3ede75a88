"""How far two groups of scored runs differ in every metric, with an interval that says what it is over.

The unit is the highest level of which there are two or more: clips (people), else segments, else seeds. What lies below is inside the
units' means, whose spread already holds it: drawing it again would count it twice (Davison and Hinkley 1997, 3.8). Units are few, so
their interval is Student's t and no bootstrap. Frames are drawn in blocks, the same in every run, where all runs share them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from tfg.record.metrics import IDENTICAL_DB, all_off
from tfg.statistics import bootstrap
from tfg.statistics.bootstrap import CONFIDENCE, Estimate, Series
from tfg.statistics.measures import measure
from tfg.statistics.pairing import Cell, Scored

_ONE = "a single unmatched run on one side: one draw has no spread"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """First minus second group. Where there is no interval, `reason` says why."""

    entry: dict[str, Any]  # the metric's facts
    difference: float | None
    low: float | None = None
    high: float | None = None
    probability: float | None = (
        None  # that the first is better; None where no direction is, or where there is no interval
    )
    over: str | None = None  # what the interval is over
    reason: str | None = None


def compare(cells: Sequence[Cell]) -> dict[str, Difference]:
    """Every metric that some run has and that is not switched off in all of them."""
    runs = [run for cell in cells for run in (*cell.first, *cell.second)]
    entries = {name: entry for run in runs for name, entry in run.metrics.items()}
    off = [name for name in entries if all_off(run.metrics[name] for run in runs if name in run.metrics)]
    return {name: _difference(name, entry, cells) for name, entry in entries.items() if name not in off}


def holes(found: Mapping[str, Difference]) -> list[str]:
    """A line a reason for which metrics have no difference, with their titles: what a table leaves out."""
    reasons: dict[str, list[str]] = {}
    for made in found.values():
        if made.difference is None:
            reasons.setdefault(str(made.reason), []).append(made.entry["title"])
    return [f"left out, no difference, {reason}: {'; '.join(titles)}" for reason, titles in reasons.items()]


def _difference(name: str, entry: dict[str, Any], cells: Sequence[Cell]) -> Difference:
    if lacking := _lacking(name, [run for cell in cells for run in (*cell.first, *cell.second)]):
        return Difference(entry=entry, difference=None, reason=lacking)
    clips = list(dict.fromkeys(cell.clip for cell in cells))
    if len(clips) > 1:
        of_clips = [[_mean(name, cell) for cell in cells if cell.clip == clip] for clip in clips]
        return _over_units(entry, [math.fsum(means) / len(means) for means in of_clips], 0.0, f"{len(clips)} clips")
    frames = _frames(name, cells)
    error = _error(frames) if isinstance(frames, Estimate) else 0.0
    also = " and the frames they share" if error else ", without their frames"
    if not cells[0].is_paired:
        return _unmatched(name, entry, cells[0], error, also)
    if len(cells) > 1:
        return _over_units(entry, [_mean(name, cell) for cell in cells], error, f"{len(cells)} segments{also}")
    cell = cells[0]
    units = [_value(name, first) - _value(name, second) for first, second in zip(cell.first, cell.second, strict=True)]
    if len(units) > 1:
        return _over_units(entry, units, error, f"{len(units)} seeds{also}")
    if cell.first[0].head == cell.second[0].head:
        return Difference(entry=entry, difference=units[0], reason="both are one head: one measurement")
    if isinstance(frames, str):
        return Difference(entry=entry, difference=units[0], reason=frames)
    over = "the frames of one pair, which say nothing of other seeds, segments or people"
    return _made(entry, frames.value, frames.low, frames.high, frames.probability, over)


def _lacking(name: str, runs: Sequence[Scored]) -> str | None:
    """Which runs have no number of a metric, by reason."""
    without: dict[str, list[str]] = {}
    for run in runs:
        if name not in run.metrics:
            without.setdefault("not among the scores", []).append(run.name)
        elif run.metrics[name]["value"] is None:
            without.setdefault(str(run.metrics[name]["unavailable"]), []).append(run.name)
    every = "both" if len(runs) == 2 else f"all {len(runs)} runs"
    said = [f"{every if len(names) == len(runs) else ', '.join(names)}: {why}" for why, names in without.items()]
    return "; ".join(said) or None


def _value(name: str, run: Scored) -> float:
    value = float(run.metrics[name]["value"])
    return IDENTICAL_DB if math.isinf(value) else value


def _mean(name: str, cell: Cell) -> float:
    sides = [math.fsum(_value(name, run) for run in side) / len(side) for side in (cell.first, cell.second)]
    return sides[0] - sides[1]


def _frames(name: str, cells: Sequence[Cell]) -> Estimate | str:
    """The mean difference of one clip's runs when the frames that they share are drawn; or why they cannot be."""
    sides: list[list[Series]] = []
    for runs in ([run for cell in cells for run in cell.first], [run for cell in cells for run in cell.second]):
        measures = [measure(name, run.metrics, run.truth) for run in runs]
        if any(found is None for found in measures):
            return "no interval: the records hold no numbers per frame that this is a statistic of"
        statistic = next(found.statistic for found in measures if found is not None)
        sides.append([found.series for found in measures if found is not None])
    if len({series.shape for side in sides for series in side}) > 1:
        return "no interval: records of other numbers of frames"
    rows, counts = len(sides[0][0]), [len(side) for side in sides]

    def apart(series: Series) -> Series:
        parts = [statistic(series[rows * i : rows * (i + 1)]) for i in range(sum(counts))]
        return np.asarray(sum(parts[: counts[0]]) / counts[0] - sum(parts[counts[0] :]) / counts[1])

    found = bootstrap.estimate(np.concatenate([series for side in sides for series in side]), apart)
    return bootstrap.NO_INTERVAL if found is None else found


def _error(frames: Estimate) -> float:
    """Of a normal number with an interval of the same width."""
    return (frames.high - frames.low) / (2 * float(special.ndtri(0.5 + CONFIDENCE / 2)))


def _over_units(entry: dict[str, Any], units: Sequence[float], frames: float, over: str) -> Difference:
    """Student's t of the units' mean; the error of frames that all units share adds to theirs (Satterthwaite's freedom)."""
    spread = float(np.var(units, ddof=1)) / len(units)
    return _student(entry, math.fsum(units) / len(units), [(spread, len(units) - 1)], frames, over)


def _unmatched(name: str, entry: dict[str, Any], cell: Cell, frames: float, also: str) -> Difference:
    """Welch's t of two lists of runs without partners."""
    sides = [[_value(name, run) for run in side] for side in (cell.first, cell.second)]
    if min(map(len, sides)) < 2:
        return Difference(entry=entry, difference=_mean(name, cell), reason=f"no interval: {_ONE}")
    spreads = [(float(np.var(side, ddof=1)) / len(side), len(side) - 1) for side in sides]
    over = f"{len(sides[0])} and {len(sides[1])} unmatched runs{also}"
    return _student(entry, _mean(name, cell), spreads, frames, over)


def _student(
    entry: dict[str, Any], value: float, spreads: Sequence[tuple[float, int]], frames: float, over: str
) -> Difference:
    """`spreads`: squared errors of independent parts, each with its degrees of freedom."""
    between = math.fsum(square for square, _ in spreads)
    error = math.sqrt(between + frames**2)
    if not between:
        return Difference(entry=entry, difference=value, reason="no interval: the units do not vary")
    freedom = error**4 / math.fsum(square**2 / count for square, count in spreads)
    reach = float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    return _made(entry, value, value - reach, value + reach, float(special.stdtr(freedom, value / error)), over)


def _made(entry: dict[str, Any], value: float, low: float, high: float, above: float, over: str) -> Difference:
    better = {"up": above, "down": 1 - above, "none": None}[entry["better"]]
    return Difference(entry=entry, difference=value, low=low, high=high, probability=better, over=over)
