"""A selection as others read it: one JSON object and one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfg.record.files import naming
from tfg.record.pieces import pieces_of
from tfg.selectors.base import CandidateScore, Selection
from tfg.types import FPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROUNDING = 0.5 / FPS  # of seconds that stand for frames
CHOSEN, FINALIST, QUIET = "#c2410c", "#1d4ed8", "#64748b"


def selection_json(selection: Selection, cost: Mapping[str, Any], *, details: bool = False) -> dict[str, Any]:
    """What `tfg select --json` prints; times in seconds. With `details`, each score also has its `note` and `extras`.

    A segment of several pieces has `pieces`, and `start` is the first one's; `piece_seconds` is a candidate's length where the segment
    is made of several. `cost`: seconds and processor_seconds (None: not known) of making it anew, frames whose faces it used, where
    these came from.
    """
    return {
        "start": selection.segment.pieces[0].start / FPS,
        "seconds": selection.segment.num_frames / FPS,
        **_pieces_json(selection),
        "method": selection.method,
        "scores": [_score_json(score, details) for score in selection.scores],
        "cost": dict(cost),
        "definition": selection.definition,
    }


def _pieces_json(selection: Selection) -> dict[str, Any]:
    """Nothing where a candidate is a segment and the segment in one piece."""
    pieces, length = selection.segment.numbers, selection.piece_frames
    several = [{"start": start / FPS, "seconds": count / FPS} for start, count in pieces] if len(pieces) > 1 else None
    return ({} if several is None else {"pieces": several}) | (
        {} if length is None else {"piece_seconds": length / FPS}
    )


def selection_text(record: Mapping[str, Any], most: int = 10) -> str:
    """The JSON object as a person reads it: what was chosen, the best candidates, how, at what cost."""
    spans = [(piece["start"], piece["start"] + piece["seconds"]) for piece in pieces_of(record)]
    candidates, length = record["scores"], record.get("piece_seconds", record["seconds"])
    among = f"one of {len(candidates)} candidates"
    if "piece_seconds" in record:
        among = f"of {len(candidates)} candidates of {length:g} s"
    ranked = sorted(
        (score for score in candidates if score["score"] is not None),
        key=lambda score: (-score["score"], score["start"]),
    )
    chosen = ", ".join(f"{start:.2f} to {end:.2f}" for start, end in spans)
    lines = [f"{record['method']} chose {chosen} s, {among}"]
    if ranked:
        lines.append(f"{'start s':>9} {'diversity':>11} {'motion':>8} {'score':>11}")
        lines += [
            f"{score['start']:9.2f} {_number(score['diversity']):>11} {_number(score['motion_complexity']):>8} "
            f"{_number(score['score']):>11}{'  <- chosen' if _is_inside(score['start'], length, spans) else ''}"
            for score in ranked[:most]
        ]
        if len(ranked) > most:
            lines.append(f"{'...':>9} {len(ranked) - most} more")
    lines.append(record["definition"])
    lines.append(_cost_text(record["cost"]))
    return "\n".join(lines)


def _is_inside(start: float, length: float, spans: Sequence[tuple[float, float]]) -> bool:
    """Whether a candidate lies in one of the spans, all in seconds."""
    return any(begin <= start + _ROUNDING and start + length <= end + _ROUNDING for begin, end in spans)


def _cost_text(cost: Mapping[str, Any]) -> str:
    processor = cost["processor_seconds"]
    faces = "no face" if not cost["frames"] else f"faces of {cost['frames']} frames, {cost['faces']}"
    known = "processor seconds not known" if processor is None else f"{processor:.1f} processor seconds"
    return f"cost: {cost['seconds']:.1f} s ({known}), {faces}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _score_json(score: CandidateScore, details: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "start": score.start / FPS,
        "diversity": score.diversity,
        "motion_complexity": score.motion_complexity,
        "score": score.score,
    }
    return record | {"note": score.note, "extras": score.extras} if details else record


def selection_plot(selection: Selection, path: Path) -> None:
    """A PNG: what every candidate has over the clip's time, then the candidates whose faces decided, side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name, _ in selection.panels]
    finalists = [
        score
        for score in selection.scores
        if names and (score.note is not None or any(score.value(name) is not None for name in names))
    ]
    height = 0.9 + 0.3 * len(finalists) if finalists else 0.0
    figure = Figure(figsize=(10, (3.0 if selection.timeline else 1.6) + height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    keys = "ABCDEF"[: len(names)]  # one letter a panel, T the timeline
    panels = figure.subplot_mosaic(
        f"{'T' * len(keys)};{keys}" if finalists else "T", height_ratios=[2.5, height] if finalists else [1]
    )
    for panel in panels.values():
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=9)
    if selection.timeline:
        _draw_timeline(panels["T"], selection, *selection.timeline, finalists)
    else:
        _draw_starts(panels["T"], selection, finalists)
    if finalists:
        for key, (name, title) in zip(keys, selection.panels, strict=True):
            _draw_bars(panels[key], selection, finalists, name, title)
    spans = ", ".join(f"{piece.start / FPS:g} to {piece.stop / FPS:g}" for piece in selection.segment.pieces)
    among = f"{'one ' if selection.piece_frames is None else ''}of {len(selection.scores)} candidates"
    title = f"{selection.method} chose {spans} s, {among} of {selection.candidate_frames / FPS:g} s"
    figure.suptitle(title, fontsize=12, fontweight="bold")
    partial = path.with_name(f".{path.name}.part")
    try:
        with naming(path):
            figure.savefig(partial, format="png")
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _draw_timeline(
    panel: Axes, selection: Selection, name: str, label: str, finalists: Sequence[CandidateScore]
) -> None:
    """One dot a candidate at the middle of its span; spans drawn for the finalists and the chosen one."""
    length = selection.candidate_frames / FPS
    values = [(score.start, score.value(name)) for score in selection.scores]
    _shade(panel, selection)
    panel.plot(
        [start / FPS + length / 2 for start, _ in values],
        [float("nan") if value is None else value for _, value in values],  # the line breaks at a rejected candidate
        color=QUIET,
        linewidth=1,
        marker=".",
        markersize=4,
        zorder=1,
    )
    shown = {score.start for score in finalists}
    for start, value in values:
        if (start in shown or selection.has(start)) and value is not None:
            color = CHOSEN if selection.has(start) else FINALIST
            panel.hlines(value, start / FPS, start / FPS + length, color=color, linewidth=3.5, zorder=3)
    panel.set_xlabel("time in the clip (s); a dot is the middle of a candidate, a bar its span", fontsize=9)
    panel.set_ylabel(label, fontsize=9)
    panel.margins(y=0.1)
    panel.set_xlim(values[0][0] / FPS - 0.5, values[-1][0] / FPS + length + 0.5)


def _draw_bars(panel: Axes, selection: Selection, finalists: Sequence[CandidateScore], name: str, label: str) -> None:
    """One horizontal bar a finalist, in the order of time, with its value or why it was rejected."""
    values = [score.value(name) for score in finalists]
    colors = [CHOSEN if selection.has(score.start) else FINALIST for score in finalists]
    bars = panel.barh(range(len(finalists)), [value or 0.0 for value in values], color=colors, height=0.62)
    measured = [any(score.value(panel) is not None for panel, _ in selection.panels) for score in finalists]
    absent = ["-" if known else "rejected" for known in measured]
    texts = [text if value is None else f"{value:.4g}" for value, text in zip(values, absent, strict=True)]
    panel.bar_label(bars, texts, padding=4, fontsize=9)
    panel.set_yticks(range(len(finalists)), [f"{score.start / FPS:g} s" for score in finalists])
    panel.invert_yaxis()
    panel.margins(x=0.18)
    panel.set_xticks([])
    panel.spines["bottom"].set_visible(False)
    panel.set_title(label, fontsize=9, loc="left")


def _draw_starts(panel: Axes, selection: Selection, finalists: Sequence[CandidateScore]) -> None:
    """For selectors that score nothing of every candidate: where the candidates begin."""
    _shade(panel, selection)
    panel.plot([score.start / FPS for score in selection.scores], [0] * len(selection.scores), "|", color=QUIET)
    panel.set_yticks([])
    panel.margins(x=0.01)
    what = f"faces of {len(finalists)} were read" if finalists else "none was scored"
    panel.set_xlabel(f"starts of the candidates in the clip (s); {what}", fontsize=9)


def _shade(panel: Axes, selection: Selection) -> None:
    for piece in selection.segment.pieces:
        panel.axvspan(piece.start / FPS, piece.stop / FPS, color=CHOSEN, alpha=0.14, linewidth=0)
