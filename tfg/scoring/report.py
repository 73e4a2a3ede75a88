"""Evaluations as text: one table, the truth against itself, intervals, what is unavailable, and definitions where wanted."""

from __future__ import annotations

from typing import Any

from tabulate import tabulate

from tfg.record.metrics import all_off, arrow, formatted, is_off, number, ranged
from tfg.record.results import Metrics, ScoresRecord
from tfg.scoring.folder import INTERVAL, summary


def text(records: list[dict[str, Any]], *, many: bool, definitions: bool = False) -> str:
    """The table of one video, or a row a video with mean and interval; below it what was done and what is missing."""
    names = [name for name in records[0]["metrics"] if not name.endswith("_decoded")]
    available = [name for name in names if any(record["metrics"][name]["value"] is not None for record in records)]
    lines = [_many(records, available) if many else _one(records[0], available), ""]
    for record in records:
        lines += [f"{record['name']}: {note}" for note in record["compared"]]
    lines += _unavailable(records[0]["metrics"], [name for name in names if name not in available])
    return "\n".join([*lines, *_defined(records[0]["metrics"], available, definitions)])


def of_head(record: ScoresRecord, *, definitions: bool = False) -> str:
    """The table of a head: its numbers beside those of its controls and of the truth itself."""
    columns = {record.head_id: record.metrics, **record.controls, "ground truth": record.truth}
    names = [name for name, entry in record.metrics.items() if entry["value"] is not None]
    rows = [
        [f"{name}{arrow(record.metrics[name])}", *(formatted(metrics.get(name)) for metrics in columns.values())]
        for name in names
    ]
    header = ["metric", *columns]
    lines = [tabulate(rows, header, tablefmt="github", disable_numparse=True, stralign="right", colalign=("left",)), ""]
    verdict = [] if all_off(record.gains.values()) else [record.verdict]
    lines += [*verdict, *_unavailable(record.metrics, [name for name in record.metrics if name not in names])]
    return "\n".join([*lines, *_defined(record.metrics, names, definitions)])


def _defined(metrics: Metrics, names: list[str], wanted: bool) -> list[str]:
    if not wanted:
        return ["What each number is: --definitions; --json writes it beside the number."]
    return ["Definitions:", *(f"  {name}: {metrics[name]['definition']}" for name in names)]


def _unavailable(metrics: Metrics, names: list[str]) -> list[str]:
    """Every reason once, with the numbers that it holds for; not those that were switched off."""
    reasons: dict[str, list[str]] = {}
    for name in names:
        if is_off(metrics[name]):
            continue
        reasons.setdefault(str(metrics[name]["unavailable"]), []).append(name)
    return [f"unavailable: {', '.join(lacking)}: {reason}" for reason, lacking in reasons.items()]


def _one(record: dict[str, Any], names: list[str]) -> str:
    """A row a metric: the prediction with its interval, and the truth scored against itself."""
    metrics, truth, found = record["metrics"], record["ground_truth"], record["intervals"]
    header = ["metric", record["name"], "95 % interval", *(["ground truth"] if truth else [])]
    rows = [
        [
            f"{name}{arrow(metrics[name])}",
            formatted(metrics[name]),
            ranged(found["metrics"][name], metrics[name]),
            *([formatted(truth[name])] if truth else []),
        ]
        for name in names
    ]
    table = tabulate(rows, header, tablefmt="github", disable_numparse=True, stralign="right", colalign=("left",))
    return f"{table}\n{found['method']}"


def _many(records: list[dict[str, Any]], names: list[str]) -> str:
    """A row a video, then their mean, interval, and the mean of the truths against themselves."""
    entries = records[0]["metrics"]
    rows = [[record["name"], *(formatted(record["metrics"][name]) for name in names)] for record in records]
    means = summary(records)
    rows.append([f"mean of {len(records)}", *(number(means[name]["mean"], entries[name]) for name in names)])
    rows.append(["95 % interval", *(ranged(_ends(means[name]), entries[name]) for name in names)])
    if all(record["ground_truth"] for record in records):
        truths = summary(records, "ground_truth")
        rows.append(["ground truth", *(number(truths[name]["mean"], entries[name]) for name in names)])
    header = ["video", *(f"{name}{arrow(entries[name])}" for name in names)]
    table = tabulate(rows, header, tablefmt="github", disable_numparse=True, stralign="right", colalign=("left",))
    return f"{table}\n{INTERVAL}"


def _ends(found: dict[str, Any]) -> tuple[float, float] | None:
    return None if found["low"] is None else (found["low"], found["high"])
