"""The table of runs that a sweep ends with. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfg.record.costs import cell, faces_given, stage_processor_seconds
from tfg.record.metrics import formatted, header, titled
from tfg.record.pieces import shown as shown_starts
from tfg.record.results import RunResult

_COLUMNS = (
    "psnr_face",
    "psnr_mouth",
    "psnr",
    "psnr_torso",
    "ssim_face",
    "lpips",
    "lmd",
    "mouth_correlation",
    "mouth_lag",
    "closure_recall",
    "mouth_amplitude",
    "sync_c",
    "sync_c_listener",
    "identity",
)
_COSTS = ("select cpu s", "train cpu s", "train s")  # processor seconds of all threads; the last, wall seconds
_FULL_FRAME = ("psnr", "ssim", "lpips")  # of the columns those that no face reader has a part in

_FACES_GIVEN = "select cpu s + faces: the faces were given by the sidecar, reading them is not in it"


def markdown(runs: Sequence[tuple[str, RunResult]], others: Sequence[dict[str, Any]] = ()) -> str:
    """A row a run under its name, its controls, its truth against itself, and other methods scored on the same true video.

    A missing number shows as a dash, its reasons below the table.
    """
    entries = [metrics for _, result in runs for metrics in (result.metrics, result.truth)]
    columns = [name for name in _COLUMNS if any(name in found for found in entries)]
    shown = {name: next(found[name] for found in entries if name in found) for name in columns}
    head = ["run", "start s", *[header(entry) for entry in shown.values()], *_COSTS]
    rows: list[list[str]] = []
    nothing = ["-"] * len(_COSTS)
    reasons: dict[str, list[str]] = {}
    joined: dict[str, str] = {}  # digest of a true video -> how its runs' faces were read
    for name, result in runs:
        start = shown_starts(result.selection)
        rows.append([name, start, *_cells(columns, name, result.metrics, reasons), *_costs(result)])
        if faces_given(result.selection["cost"], result.config):
            reasons.setdefault(_FACES_GIVEN, []).append(name)
        for source, metrics in {**result.controls, "ground truth": result.truth}.items():
            label = source if source == "ground truth" else f"control {source}"
            rows.append([f"  {label}", start, *_cells(columns, label, metrics, reasons), *nothing])
        joined[str(result.notes.get("truth_digest"))] = str(result.metrics.get("lmd", {}).get("definition"))
    for other in others:
        if (reading := joined.get(other["digests"][1])) is not None:
            name = f"{other['name']} ({Path(other['pred']).name})"
            rows.append([name, "-", *_cells(columns, name, _comparable(other, reading), reasons), *nothing])
            reasons.setdefault("Scored on decoded files: compare with the runs' psnr_decoded and the like", []).append(
                name
            )
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [_line(head, widths), "|" + "|".join("-" * (w + 2) for w in widths) + "|"]
    lines += [_line(row, widths) for row in rows]
    said = [f"{reason} ({', '.join(names)})" for reason, names in reasons.items()]
    return "\n".join([*lines, *_of_speech(runs), *_shared(runs), *said])


def _of_speech(runs: Sequence[tuple[str, RunResult]]) -> list[str]:
    """A line a run: how far its held-out poses lie from its training, and whether speech helps it."""
    lines = []
    for name, result in runs:
        gap = result.pose_gap
        away = f"pose gap {gap['mean_degrees']:.1f} degrees (90th percentile {gap['p90_degrees']:.1f})"
        lines.append(f"{name}: {result.verdict}; {away}")
        lines += [
            f"  caution, {titled(result.metrics[measure])}: {'; '.join(said)}"
            for measure, said in result.cautions.items()
        ]
        if (seen := result.notes.get("clip", {}).get("seen_by_prior")) and seen["person"] is not None:
            lines.append(
                f"  caution, all of it: its prior was learned from this person (as {seen['person']}: {seen['why']})"
            )
    return ["", *lines, "Speech: the run minus its mute control, 95 % intervals over the held-out frames.", ""]


def _comparable(other: dict[str, Any], reading: str) -> dict[str, dict[str, Any]]:
    """The metrics of another method's video that may stand in one column with runs whose faces were read like that."""
    if other["reader"] in reading:
        return other["metrics"]
    hidden = {
        "value": None,
        "unavailable": "its faces were not read as the runs' were; run with face=mediapipe to compare",
    }
    return {name: metric if name in _FULL_FRAME else metric | hidden for name, metric in other["metrics"].items()}


def _costs(result: RunResult) -> list[str]:
    cost, stages = result.selection["cost"], result.stages
    return [
        cell(cost.get("processor_seconds"), digits=1, given=faces_given(cost, result.config)),
        cell(stage_processor_seconds(stages, "training"), digits=0),
        cell(stages["training"]["seconds"], digits=0),
    ]


def _shared(runs: Sequence[tuple[str, RunResult]]) -> list[str]:
    """A line for each head that several runs lead to: their rows are one measurement."""
    names: dict[str, list[str]] = {}
    for name, result in runs:
        names.setdefault(result.head, []).append(name)
    return [f"One head, {head}: {', '.join(rows)}" for head, rows in names.items() if len(rows) > 1]


def _cells(
    columns: list[str], row: str, metrics: dict[str, dict[str, Any]], reasons: dict[str, list[str]]
) -> list[str]:
    """One cell a column; empty where the metric does not exist for this row. Reasons: sentence -> rows."""
    cells = []
    for name in columns:
        metric = metrics.get(name)
        if metric is None:
            cells.append("")
        elif metric["value"] is None:
            cells.append("-")
            rows = reasons.setdefault(f"{titled(metric)}: unavailable: {metric['unavailable']}", [])
            if row not in rows:
                rows.append(row)
        else:
            cells.append(formatted(metric))
    return cells


def _line(row: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
