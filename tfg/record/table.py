"""The table of runs that a sweep ends with. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfg.record.costs import cell, faces_given, stage_processor_seconds
from tfg.record.metrics import all_off, formatted, header, titled
from tfg.record.pieces import shown as shown_starts
from tfg.record.results import RunResult

COLUMNS = (
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
CLIP = "clip"  # beside the run, where it varies
START, STEPS = "start s", "steps"  # before the metrics; the second where training lengths differ
COSTS = ("select cpu s", "train cpu s", "train s")  # processor seconds of all threads; the last, wall seconds
_FULL_FRAME = ("psnr", "ssim", "lpips")  # of the columns those that no face reader has a part in

TRUTH = "ground truth"
Reasons = dict[str, dict[str, None]]  # sentence -> names of rows, in order
_FACES_GIVEN = "select cpu s + faces: the faces were given by the sidecar, reading them is not in it"
_DECODED = "Scored on decoded files: compare with the runs' psnr_decoded and the like"


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    kind: str  # run | control | truth | other, a video of another method
    clip: str
    cells: list[str]  # of the leading columns, of every metric, costs


@dataclass(frozen=True, kw_only=True)
class RunTable:
    """Cells as they are printed."""

    clips: bool  # whether they vary
    leading: tuple[str, ...]  # START, and STEPS where they vary
    metrics: dict[str, dict[str, Any]]  # name -> an entry with the facts of its column
    rows: list[Row]
    notes: list[str]  # of speech, shared heads, and reasons for what is missing

    @property
    def header(self) -> list[str]:
        """Of the columns that `texts` gives."""
        return ["run", *self._of_clips(CLIP), *self.leading, *map(header, self.metrics.values()), *COSTS]

    def texts(self, row: Row) -> list[str]:
        """Its name, its clip where that varies, and its cells."""
        return [row.name, *self._of_clips(row.clip), *row.cells]

    def _of_clips(self, text: str) -> list[str]:
        return [text] if self.clips else []


def markdown(runs: Sequence[tuple[str, RunResult]], others: Sequence[dict[str, Any]] = ()) -> str:
    """A row a run under its name, its controls, its truth against itself, and other methods scored on the same true video.

    A missing number shows as a dash, its reasons below the table.
    """
    made = tabulated(runs, others)
    rows = [made.header, *map(made.texts, made.rows)]
    for text, row in zip(rows[1:], made.rows, strict=True):
        text[0] = f"  {row.name}" if row.kind in ("control", "truth") else row.name
    widths = [max(len(row[i]) for row in rows) for i in range(len(made.header))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([*lines, *made.notes])


def tabulated(
    runs: Sequence[tuple[str, RunResult]], others: Sequence[dict[str, Any]] = (), *, every_metric: bool = False
) -> RunTable:
    """The same table as cells; with `every_metric` the columns are followed by all the metrics that some run has.

    What is switched off in every run has no column; whether speech helps is not said where the controls are off.
    """
    entries = [metrics for _, result in runs for metrics in (result.metrics, result.truth)]
    known = dict.fromkeys(name for found in entries for name in found)
    wanted = [name for name in known if not all_off(found[name] for found in entries if name in found)]
    columns = [name for name in COLUMNS if name in wanted]
    columns += [name for name in wanted if name not in columns] if every_metric else []
    shown = {name: next(found[name] for found in entries if name in found) for name in columns}
    varies = len({steps_of(result) for _, result in runs}) > 1
    clips = [clip_of(result) for _, result in runs]
    several = len(set(clips)) > 1
    called = [(f"{name} ({clip})" if several else name, one) for (name, one), clip in zip(runs, clips, strict=True)]
    rows: list[Row] = []
    nothing = ["-"] * len(COSTS)
    reasons: Reasons = {}
    joined: dict[str, tuple[str, str]] = {}  # digest of a true video -> how its runs' faces were read, its clip
    for (name, result), (full, _), clip in zip(runs, called, clips, strict=True):
        trained = [shown_starts(result.selection), *([_count(steps_of(result))] if varies else [])]
        cells = [*trained, *_cells(columns, full, result.metrics, reasons), *_costs(result)]
        rows.append(Row(name=name, kind="run", clip=clip, cells=cells))
        if faces_given(result.selection["cost"], result.config):
            reasons.setdefault(_FACES_GIVEN, {})[full] = None
        for source, metrics in {**result.controls, TRUTH: result.truth}.items():
            label, kind = (source, "truth") if source == TRUTH else (f"control {source}", "control")
            cells = [*trained, *_cells(columns, label, metrics, reasons), *nothing]
            rows.append(Row(name=label, kind=kind, clip=clip, cells=cells))
        joined[str(result.notes.get("truth_digest"))] = str(result.metrics.get("lmd", {}).get("definition")), clip
    for other in others:
        if (known_of := joined.get(other["digests"][1])) is not None:
            reading, clip = known_of
            name = f"{other['name']} ({Path(other['pred']).name})"
            cells = ["-", *["-"] * varies, *_cells(columns, name, _comparable(other, reading), reasons), *nothing]
            rows.append(Row(name=name, kind="other", clip=clip, cells=cells))
            reasons.setdefault(_DECODED, {})[name] = None
    said = [f"{reason} ({', '.join(names)})" for reason, names in reasons.items()]
    leading = (START, STEPS) if varies else (START,)
    notes = [*_of_speech(called), *_shared(called), *said]
    return RunTable(clips=several, leading=leading, metrics=shown, rows=rows, notes=notes)


def clip_of(result: RunResult) -> str:
    """Name of its clip; of a record that has none the clip's identity, or a dash."""
    clip = result.notes.get("clip", {})
    return str(clip.get("name", clip.get("identity", "-")))


def steps_of(result: RunResult) -> int | None:
    """Of its head's training; None where the record does not say."""
    return result.stages["training"].get("steps")


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _of_speech(runs: Sequence[tuple[str, RunResult]]) -> list[str]:
    """A line a run: how far its held-out poses lie from its training, and whether speech helps it."""
    lines = []
    for name, result in runs:
        gap = result.pose_gap
        away = f"pose gap {gap['mean_degrees']:.1f} degrees (90th percentile {gap['p90_degrees']:.1f})"
        lines.append(f"{name}: {away if all_off(result.gains.values()) else f'{result.verdict}; {away}'}")
        lines += [
            f"  caution, {titled(result.metrics[measure])}: {'; '.join(said)}"
            for measure, said in result.cautions.items()
        ]
        if (seen := result.notes.get("clip", {}).get("seen_by_prior")) and seen["person"] is not None:
            lines.append(
                f"  caution, all of it: its prior was learned from this person (as {seen['person']}: {seen['why']})"
            )
    said = ["Speech: the run minus its mute control, 95 % intervals over the held-out frames."]
    return ["", *lines, *([] if all(all_off(result.gains.values()) for _, result in runs) else said), ""]


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


def _cells(columns: list[str], row: str, metrics: dict[str, dict[str, Any]], reasons: Reasons) -> list[str]:
    """One cell a column; empty where the metric does not exist for this row."""
    cells = []
    for name in columns:
        metric = metrics.get(name)
        if metric is None:
            cells.append("")
        elif metric["value"] is None:
            cells.append("-")
            reasons.setdefault(f"{titled(metric)}: unavailable: {metric['unavailable']}", {})[row] = None
        else:
            cells.append(formatted(metric))
    return cells


def _line(row: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
