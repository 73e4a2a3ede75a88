"""The HTML of an evaluation's sheet, from its record alone. Everything a user gave, names above all, is escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from tfg.record.metrics import arrow, formatted, is_off, ranged, titled
from tfg.scoring.sheet import curves as sheet_curves
from tfg.scoring.sheet.place import GENERATOR

RANKED_BY = ("lpips", "psnr_face", "psnr")  # the first of these that has numbers chooses the worst frames


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What lies beside the page."""

    video: str  # file
    views: tuple[str, ...]  # what its panels are, from the left
    height: int  # of a panel in the video
    width: int
    worst: tuple[tuple[int, str], ...]  # (frame, file) of the pictures below the curves, the worst first
    ranked_by: str | None  # metric that chose them; None: no metric could


def page(record: dict[str, Any], shown: Shown) -> str:
    """The whole document, in ASCII: what other alphabets hold is written as character references."""
    script, style = (Path(__file__).with_name(name).read_text("ascii") for name in ("sheet.js", "sheet.css"))
    title = escape(f"{record['name']}: evaluation")
    drawn = sheet_curves.charts(record)
    data = {"frames": record["num_frames"], "fps": record["fps"], "lines": sheet_curves.numbers(drawn)}
    html = f"""<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta name=viewport content='width=device-width, initial-scale=1'>
<meta http-equiv=Content-Security-Policy content="{_policy(script)}">
{GENERATOR}
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{_header(record)}
<main>
<div class=watch>
{_stage(record, shown)}
{_scores(record)}
{_curves(drawn, record["fps"])}
{_worst(record, shown)}
</div>
{_compared(record)}
{_definitions(record)}
{_unavailable(record)}
</main>
{_footer(record)}
<script type=application/json id=data>{json.dumps(data).replace("<", chr(92) + "u003c")}</script>
<script>{script}</script>
</body>
</html>
"""
    return html.encode("ascii", "xmlcharrefreplace").decode()


def _policy(script: str) -> str:
    """Nothing from anywhere but this folder, and no script but ours, even if something were not escaped."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _header(record: dict[str, Any]) -> str:
    count, fps = record["num_frames"], record["fps"]
    size = f"{count} frames of {record['width']}x{record['height']} at {fps} frames a second, {count / fps:.2f} s"
    against = f"against {escape(record['truth'])}" if record["truth"] else "without a truth"
    return (
        f"<header><h1>{escape(record['name'])}</h1>"
        f"<p class=facts>{escape(record['pred'])} {against}<br>{size}</p></header>"
    )


def _stage(record: dict[str, Any], shown: Shown) -> str:
    """The video. Its own controls lie on the mouths, so the script puts others below it; without script they stay."""
    names = "".join(f"<span>{name}</span>" for name in shown.views)
    width = len(shown.views) * shown.width
    shrunk = shown.width != record["width"]
    smaller = f"<p class=note>Panels are scaled to {shown.width}x{shown.height}.</p>" if shrunk else ""
    return (
        f"<section class=stage aria-label=Video><figure class=views style='--shape:{width / shown.height:.4f}'>"
        f"<figcaption class=names>{names}</figcaption>"
        f"<video id=video controls playsinline preload=auto width={width} height={shown.height} src='{escape(shown.video)}' "
        f"aria-label='{', '.join(shown.views)}, side by side'></video>"
        f"<input type=range id=scrub hidden min=0 max={record['num_frames'] - 1} value=0 aria-label=Frame></figure>{smaller}"
        "<div class=controls id=controls hidden><button type=button id=play>Play</button>"
        "<button type=button data-step=-1>Previous frame</button><button type=button data-step=1>Next frame</button>"
        "<output id=place></output>"
        "<label>speed <select id=speed><option>0.25<option>0.5<option selected>1</select></label>"
        "<label><input type=checkbox id=sound checked> sound</label>"
        "<label><input type=checkbox id=pin checked> keep in view</label></div></section>"
    )


def _scores(record: dict[str, Any]) -> str:
    metrics, truth, ranges = record["metrics"], record["ground_truth"], record["intervals"]["metrics"]
    names = [name for name, metric in _metrics(record) if metric["value"] is not None]
    if not names:
        return "<section><h2>Scores</h2><p>No metric has a number for this video; the reasons are below.</p></section>"
    rows = "".join(
        f"<tr><th scope=row title='{escape(titled(metrics[name]))}'><a href='#{escape(name)}'>{escape(name)}</a>"
        f"{arrow(metrics[name])}</th><td>{formatted(metrics[name])}</td><td>{ranged(ranges.get(name), metrics[name])}</td>"
        + (f"<td>{formatted(truth.get(name))}</td>" if truth else "")
        + "</tr>"
        for name in names
    )
    heads = ["metric", escape(record["name"]), "95 % interval", *(["ground truth"] if truth else [])]
    header = "".join(f"<th scope=col>{head}</th>" for head in heads)
    note = f"<p class=note>{escape(record['intervals']['method'])}.</p>"
    note += "<p class=note>The last column is the truth scored against itself.</p>" if truth else ""
    table = f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<section><h2>Scores</h2><div class=table>{table}</div>{note}</section>"


def _curves(drawn: list[sheet_curves.Chart], fps: int) -> str:
    if not drawn:
        return "<section><h2>Frame by frame</h2><p>No metric has a number for each frame.</p></section>"
    figures = "\n".join(sheet_curves.figure(chart, fps) for chart in drawn)
    hint = "<p class='note hint'>A click on a curve shows that frame in the video.</p>"
    return f"<section><h2>Frame by frame</h2>{hint}{figures}</section>"


def _worst(record: dict[str, Any], shown: Shown) -> str:
    head = "<section><h2>Worst frames</h2>"
    if shown.ranked_by is None:
        reason = "no truth was given" if record["truth"] is None else "no image metric has a number"
        return f"{head}<p>There is no ranking: {reason}.</p></section>"
    if not shown.worst:
        return f"{head}<p>Every frame equals its truth.</p></section>"
    values = record["metrics"][shown.ranked_by]["per_frame"]
    items = "".join(
        _picture(record, shown, frame, file, f"{shown.ranked_by} {float(values[frame]):.4g}")
        for frame, file in shown.worst
    )
    note = f"<p class=note>By {shown.ranked_by}, the worst first; {', '.join(shown.views)}.</p>"
    return f"{head}{note}<ol class=worst>{items}</ol></section>"


def _picture(record: dict[str, Any], shown: Shown, frame: int, file: str, score: str) -> str:
    place = f"Frame {frame}, {frame / record['fps']:.2f} s"
    return (
        f"<li><figure><img src='{escape(file)}' alt='{place}: {', '.join(shown.views)}' "
        f"width={len(shown.views) * record['width']} height={record['height']}>"
        f"<figcaption><a href='#frame={frame}' data-frame={frame}>{place}</a>: {score}</figcaption></figure></li>"
    )


def _compared(record: dict[str, Any]) -> str:
    notes = list(record["compared"]) or ["Nothing was resampled, cut or resized."]
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<section><h2>What was compared</h2><ul>{items}</ul></section>"


def _definitions(record: dict[str, Any]) -> str:
    items = "".join(
        f"<dt id='{escape(name)}'>{escape(name)}</dt><dd class=definition>{escape(metric['definition'])}</dd>"
        for name, metric in _metrics(record)
    )
    return f"<section><h2>Definitions</h2><dl>{items}</dl></section>"


def _unavailable(record: dict[str, Any]) -> str:
    """Reasons, each once with the metrics it holds for; not those that were switched off."""
    reasons: dict[str, list[str]] = {}
    for name, metric in _metrics(record):
        if metric["value"] is None and not is_off(metric):
            reasons.setdefault(str(metric["unavailable"]), []).append(name)
    if not reasons:
        return ""
    items = "".join(
        f"<dt>{escape(', '.join(names))}</dt><dd>{escape(reason)}</dd>" for reason, names in reasons.items()
    )
    return f"<section><h2>Unavailable</h2><dl>{items}</dl></section>"


def _footer(record: dict[str, Any]) -> str:
    machine = record["machine"]
    made = f"tfg {record['commit'][:12]} on {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}."
    sums = "".join(
        f"<br>sha256 of the {what}: {escape(digest)}"
        for what, digest in zip(("prediction", "truth", "sound file"), record["digests"], strict=False)
        if digest
    )
    both = "<br>All pictures are decoded from files, so the numbers named _decoded in the record are these."
    return f"<footer><p>{escape(made)}{sums}{both}</p></footer>"


def _metrics(record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, metric) for name, metric in record["metrics"].items() if not name.endswith("_decoded")]


def worst_frames(record: dict[str, Any], most: int = 10, apart: int = 5) -> tuple[str | None, list[int]]:
    """The metric that ranks, and the worst frames by it, worst first, each at least `apart` from the others."""
    ranked_by = next((name for name in RANKED_BY if record["metrics"].get(name, {}).get("per_frame")), None)
    if ranked_by is None:
        return None, []
    sign, perfect = (-1.0, 0.0) if record["metrics"][ranked_by]["better"] == "down" else (1.0, math.inf)
    values = {
        frame: sign * float(value)
        for frame, value in enumerate(record["metrics"][ranked_by]["per_frame"])
        if value is not None and float(value) != perfect
    }
    chosen: list[int] = []
    for frame in sorted(values, key=values.__getitem__):
        if len(chosen) < most and all(abs(frame - other) >= apart for other in chosen):
            chosen.append(frame)
    return ranked_by, chosen
