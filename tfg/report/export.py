"""Tables of a results folder with exact numbers: runs, every number of them, the candidates of their selections, their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from tfg.record import table
from tfg.record.metrics import formatted, header, number, ranged, titled
from tfg.record.pieces import shown as shown_starts
from tfg.record.pieces import starts_of
from tfg.record.table import TRUTH
from tfg.record.tabular import Table
from tfg.report.digest import CANDIDATE, Digest
from tfg.report.sweep import axes_of, axis_of, numbers_of
from tfg.statistics.comparison import Difference, holes

RUN = "run"  # the head itself, beside its controls and the truth


def runs_table(digests: Sequence[Digest]) -> Table:
    """A row a run, as tfg's own table has it; in numbers also the ends of the intervals."""
    made = table.tabulated([(one.label, one.result) for one in digests])
    names, axes = list(made.metrics), axes_of([one.result for one in digests])
    ends = [f"{name}_{end}" for name in names for end in ("low", "high")]
    leading, costs = ([title.replace(" ", "_") for title in titles] for titles in (made.leading, table.COSTS))
    records = []
    for one in digests:
        ranges = [one.intervals.get(name, (None, None)) for name in names]
        own = (
            one.result.run_id,
            one.label,
            *(axis_of(one.result, axis) for axis in axes),
            shown_starts(one.result.selection),
        )
        records.append((*own, *numbers_of(one.result, made), *(end for pair in ranges for end in pair)))
    return Table(
        name="runs",
        caption="Runs",
        header=tuple(made.header),
        rows=tuple(tuple(made.texts(row)) for row in made.rows if row.kind == "run"),
        record_header=(
            "run_id",
            "run",
            *axes,
            "starts_s",
            *leading,
            *names,
            *costs,
            *ends,
        ),
        records=tuple(records),
    )


def metrics_table(digests: Sequence[Digest]) -> Table:
    """A row a number: of the run, its controls, the truth and what speech gains."""
    keys = ("run_id", "source", "metric", "value", "low", "high", "unit", "better", "unavailable")
    rows, records = [], []
    title, labels = _labels(digests)
    for one, label in zip(digests, labels, strict=True):
        for source, name, entry, ends in _numbers(one):
            value = None if entry["value"] is None else float(entry["value"])
            known = entry["unit"], entry["better"], entry["unavailable"]
            records.append((one.result.run_id, source, name, value, *(ends or (None, None)), *known))
            rows.append((*label, source, titled(entry), formatted(entry), ranged(ends, entry)))
    shown = (*title, "source", "metric", "value", "95 % interval")
    return _made("metrics", "Every number", shown, rows, keys, records)


def _labels(digests: Sequence[Digest]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and cells that name each run: its label, and its clip where that varies."""
    clips = [table.clip_of(one.result) for one in digests]
    if len(set(clips)) < 2:
        return ("run",), [(one.label,) for one in digests]
    return ("run", table.CLIP), [(one.label, clip) for one, clip in zip(digests, clips, strict=True)]


def _numbers(one: Digest) -> Iterable[tuple[str, str, dict[str, Any], tuple[float, float] | None]]:
    """Source, metric, entry, interval."""
    result = one.result
    for name, entry in result.metrics.items():
        yield RUN, name, entry, one.intervals.get(name)
    for source, metrics in {**result.controls, TRUTH: result.truth}.items():
        for name, entry in metrics.items():
            yield source, name, entry, None
    for name, entry in result.gains.items():
        yield "gain of speech", name, entry, None if entry["low"] is None else (entry["low"], entry["high"])


def candidates_table(digests: Sequence[Digest]) -> Table:
    """A row a candidate segment, in the order of the clip, with all that its selector measured; None where it did not."""
    names = sorted({name for one in digests for extras in one.extras for name in extras})
    rows, records = [], []
    title, labels = _labels(digests)
    for one, label in zip(digests, labels, strict=True):
        for values, extras in zip(one.data["selection"]["candidates"], one.extras, strict=True):
            chosen = values[0] in starts_of(one.result.selection)
            note = None if values[-1] is None else one.data["selection"]["notes"][values[-1]]
            measured = [extras.get(name) for name in names]
            records.append((one.result.run_id, *values[:-1], note, *measured, chosen))
            texts = [
                value if isinstance(value, str) else "-" if value is None else f"{value:.4g}"
                for value in (*values[:-1], note, *measured)
            ]
            rows.append((*label, *texts, "chosen" if chosen else ""))
    shown = (*title, "start s", "diversity", "motion", "score", "note", *(name.replace("_", " ") for name in names), "")
    return _made("candidates", "Candidate segments", shown, rows, ("run_id", *CANDIDATE, *names, "chosen"), records)


def stages_table(digests: Sequence[Digest]) -> Table:
    """A row a stage of a run, its head and its scores."""
    keys = ("seconds", "processor_seconds", "cold_processor_seconds", "frames", "peak_mb")
    rows, records = [], []
    title, labels = _labels(digests)
    for one, label in zip(digests, labels, strict=True):
        for name, stage in one.result.stages.items():
            values = [stage.get(key) for key in keys]
            records.append((one.result.run_id, name, *values))
            rows.append((*label, name, *("-" if value is None else f"{value:g}" for value in values)))
    shown = (*title, "stage", "s", "processor s", "processor s anew", "frames", "peak MB")
    return _made("stages", "Stages", shown, rows, ("run_id", "stage", *keys), records)


def comparison_table(found: dict[str, Difference], first: str, second: str, apart: str) -> Table:
    """A row a metric of `tfg compare`; notes: what else the runs differ in (`apart`), and what has no difference, which has no row."""
    rows, records = [], []
    for name, made in found.items():
        ends = None if made.low is None or made.high is None else (made.low, made.high)
        probability = "-" if made.probability is None else f"{made.probability:.3f}"
        if made.difference is not None:
            rows.append(
                (header(made.entry), number(made.difference, made.entry), ranged(ends, made.entry), probability)
            )
        known = made.difference, made.low, made.high, made.probability, made.over, made.reason
        records.append((name, made.entry["title"], made.entry["unit"], *known))
    keys = ("metric", "title", "unit", "difference", "low", "high", "probability_of_better", "over", "reason")
    shown = ("metric", "difference", "95 % interval", "probability of better")
    whole = _made("comparison", f"{first} minus {second}", shown, rows, keys, records)
    return replace(whole, notes=(apart, *holes(found)))


def _made(
    name: str,
    caption: str,
    shown: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    keys: tuple[str, ...],
    records: Sequence[tuple[object, ...]],
) -> Table:
    return Table(name=name, caption=caption, header=shown, rows=tuple(rows), record_header=keys, records=tuple(records))


TABLES: dict[str, Callable[[Sequence[Digest]], Table]] = {
    "runs": runs_table,
    "metrics": metrics_table,
    "candidates": candidates_table,
    "stages": stages_table,
}
