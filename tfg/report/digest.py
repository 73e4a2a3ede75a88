"""One finished run as the site shows it: what its own page and a comparison need, and the little that the table of runs keeps.

The numbers per frame stay here: of a thousand runs they would not fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfg.record import curve, differences, identity
from tfg.record.metrics import all_off, formatted, is_off, ranged, titled
from tfg.record.pieces import shown, starts_of
from tfg.record.results import RunResult
from tfg.record.table import TRUTH
from tfg.report import found
from tfg.report.series import DECODED, Rows, charts, statistic_of
from tfg.statistics.bootstrap import FEWEST_FRAMES
from tfg.statistics.measures import Measure, measure
from tfg.statistics.pairing import Scored
from tfg.types import FPS

MOST_POINTS = 400  # of a training curve
CANDIDATE = ("start", "diversity", "motion_complexity", "score", "note")  # what is shown of a candidate segment
VIDEOS = ("truth", "rendered", "side_by_side")


@dataclass(frozen=True, kw_only=True)
class Digest:
    label: str
    result: RunResult  # without numbers per frame; definitions of the run's own metrics only
    settings: dict[str, str]  # what its numbers depend on beside its segment
    intervals: dict[str, tuple[float, float]]  # metric -> ends, where there is an interval
    unranged: str | None  # why no metric has one; None where some has
    page: dict[str, Any]  # for runs/<id>.html
    data: dict[str, Any]  # for data/runs/<id>.js
    extras: list[dict[str, float]]  # of each candidate, what its selector measured beside CANDIDATE; for exports alone


def digest(folder: Path) -> Digest:
    """DamagedRecord names the record that cannot be read."""
    result = found.read(folder)
    try:
        return _digest(result, folder.parent)
    except found.BROKEN as error:
        raise found.damage(folder / "result.json", error) from error


def _digest(result: RunResult, results: Path) -> Digest:
    measures = {
        name: measure(name, result.metrics, result.truth) for name in result.metrics if not name.endswith(DECODED)
    }
    estimates = {name: None if made is None else made.interval() for name, made in measures.items()}
    ranges = {name: (made.low, made.high) for name, made in estimates.items() if made is not None}
    unranged = None if ranges else _unranged([made for made in measures.values() if made is not None])
    rows, scored = Rows(), Scored.of(result.run_id, result)
    training, missing = _training(results, result.files.get("curve"))
    label = identity.label(result.config)
    data = {
        "id": result.run_id,
        "label": label,
        "head": scored.head,
        "clip": scored.clip,
        "held_out": scored.held_out,
        "config": result.config,
        "metrics": {
            name: _metric(entry, statistic_of(measures.get(name), rows)) for name, entry in result.metrics.items()
        },
        "charts": charts(result.metrics, result.truth, rows),
        "training": training,
        "selection": _selection(result.selection),
        "fps": FPS,
        "rows": rows.encoded,
    }
    page = {
        "id": result.run_id,
        "label": label,
        "group": result.group,
        "verdict": verdict_of(result),
        "facts": _facts(result),
        "videos": {name: _file(results, result.files.get(name)) for name in VIDEOS},
        "plot": _file(results, result.files.get("selection_plot")),
        "sources": [*result.controls, TRUTH],
        "scores": _scores(result, ranges),
        "unranged": unranged,
        "gains": [_gain(entry) for entry in result.gains.values() if not is_off(entry)],
        "unavailable": _unavailable(result.metrics),
        "cautions": [(titled(result.metrics[name]), said) for name, said in result.cautions.items()],
        "stages": [{"name": name, **stage} for name, stage in result.stages.items()],
        "candidates": len(result.selection.get("scores", [])),
        "definition": result.selection.get("definition"),
        "training_missing": missing,
        "trained": result.trained,
        "head": result.head,
        "commit": result.commit,
        "dirty": result.dirty,
        "machine": result.machine,
    }
    candidates = result.selection.get("scores", [])
    extras = [{str(name): float(value) for name, value in (one.get("extras") or {}).items()} for one in candidates]
    return Digest(
        label=label,
        result=_slim(result),
        settings=differences.of_result(result),
        intervals=ranges,
        unranged=unranged,
        page=page,
        data=data,
        extras=extras,
    )


def verdict_of(result: RunResult) -> str | None:
    """Whether speech helps; None where its control was switched off."""
    return None if all_off(result.gains.values()) else result.verdict


def _metric(entry: Mapping[str, Any], statistic: dict[str, Any] | None) -> dict[str, Any]:
    """Value or why there is none; facts of the metric stand once, in data/index.js."""
    kept = {"value": entry["value"]} if entry["value"] is not None else {"unavailable": entry["unavailable"]}
    return kept | ({} if statistic is None else {"statistic": statistic})


def _training(results: Path, file: str | None) -> tuple[dict[str, list[list[float]]], str | None]:
    """Curve -> its steps and values, at most MOST_POINTS of them; or why there is none."""
    path = results / str(file)
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        return {}, f"{path}: {error.strerror}"
    lines: dict[str, list[tuple[int, str]]] = {}
    for step, name, value in curve.parse(text)[0]:
        lines.setdefault(name, []).append((step, value))
    made: dict[str, list[list[float]]] = {}
    for name, points in lines.items():
        every = -(-len(points) // MOST_POINTS)
        known = [(step, float(value)) for step, value in points[::every] if value.lstrip("-") not in ("nan", "inf")]
        made[name] = [[step for step, _ in known], [value for _, value in known]]
    return made, None if made else f"{path}: holds no step yet"


def _selection(selection: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate that has neither a score nor a note says why it was not looked at; notes stand once each."""
    scores = selection.get("scores", [])
    is_scored = any(candidate.get("score") is not None for candidate in scores)
    said = [candidate.get("note") or _not_scored(candidate, selection, is_scored) for candidate in scores]
    notes = list(dict.fromkeys(note for note in said if note is not None))
    candidates = [
        [*(candidate.get(key) for key in CANDIDATE[:-1]), None if note is None else notes.index(note)]
        for candidate, note in zip(scores, said, strict=True)
    ]
    return {
        "starts": starts_of(selection),
        "piece_seconds": selection.get("piece_seconds", selection.get("seconds")),
        "seconds": selection.get("seconds"),
        "method": selection.get("method"),
        "candidates": candidates,  # as CANDIDATE, the note by its number
        "notes": notes,
    }


def _not_scored(candidate: Mapping[str, Any], selection: Mapping[str, Any], is_scored: bool) -> str | None:
    """`is_scored`: whether the selector scores candidates at all. None of one that has a score or was chosen."""
    if candidate.get("score") is not None or candidate["start"] in starts_of(selection):
        return None
    if not is_scored:
        return f"not looked at: {selection.get('method')} scores no candidate"
    if candidate.get("motion_complexity") is not None:
        return "looked at, not taken into the last choice"
    return "not on the shortlist: its faces were not looked at"


def _facts(result: RunResult) -> list[tuple[str, str]]:
    clip, gap = result.notes["clip"], result.pose_gap
    seconds = result.selection.get("seconds", result.config["seconds"])
    size = f", {clip['size']} px" if "size" in clip else ""
    return [
        ("Clip", f"{clip.get('name', clip['identity'])}{size}"),
        ("Segment", f"{seconds:g} s from {shown(result.selection)} s"),
        ("Pose gap", f"{gap['mean_degrees']:.1f} degrees (90th percentile {gap['p90_degrees']:.1f})"),
        ("Head", result.head + ("" if result.trained else " (found: trained for another run)")),
        ("Sweep", result.group),
        ("Machine", f"{result.machine['cpu']}, {result.machine['cores']} cores"),
        ("Commit", result.commit[:12] + (" with changes" if result.dirty else "")),
    ]


def _file(results: Path, file: str | None) -> dict[str, Any]:
    """A file of the record below the results folder, and whether it is there."""
    there = file is not None and (results / file).is_file()
    return {"path": file, "there": there, "missing": None if there else file or "not in the record"}


def _scores(result: RunResult, ranges: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """Rows of the metrics that have a number; cells are the run's, its interval, its controls' and the truth's."""
    sources = [*result.controls.values(), result.truth]
    return [
        {
            "name": name,
            "title": titled(entry),
            "better": entry["better"],
            "value": formatted(entry),
            "range": ranged(ranges.get(name), entry),
            "others": ["" if name not in source else formatted(source[name]) for source in sources],
            "minor": name.endswith(DECODED),
        }
        for name, entry in result.metrics.items()
        if entry["value"] is not None
    ]


def _unranged(measures: Sequence[Measure]) -> str:
    if not measures:
        return "the records hold no numbers per frame"
    if max(made.series.shape[1] for made in measures) < FEWEST_FRAMES:
        return f"too short, fewer than {FEWEST_FRAMES} held-out frames, of which no blocks of neighbours can be drawn"
    return "no metric varies over the frames, or they only repeat a pattern"


def _gain(entry: Mapping[str, Any]) -> dict[str, str]:
    ends = None if entry["low"] is None else (entry["low"], entry["high"])
    return {"title": titled(entry), "value": formatted(entry), "range": ranged(ends, entry)}


def _unavailable(metrics: Mapping[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Reason -> the metrics that it holds for; without those that were switched off."""
    reasons: dict[str, list[str]] = {}
    for entry in metrics.values():
        if entry["value"] is None and not is_off(entry):
            reasons.setdefault(str(entry["unavailable"]), []).append(entry["title"])
    return reasons


def _slim(result: RunResult) -> RunResult:
    def short(metrics: Mapping[str, dict[str, Any]], *, defined: bool) -> dict[str, dict[str, Any]]:
        dropped = {"per_frame"} if defined else {"per_frame", "definition"}
        return {name: {key: entry[key] for key in entry if key not in dropped} for name, entry in metrics.items()}

    return replace(
        result,
        metrics=short(result.metrics, defined=True),
        truth=short(result.truth, defined=False),
        controls={name: short(metrics, defined=False) for name, metrics in result.controls.items()},
        selection={key: value for key, value in result.selection.items() if key != "scores"},
        notes={key: value for key, value in result.notes.items() if key != "trained_with"},
    )
