"""Numbers over frames as inline SVG: one chart a metric, its regions as lines. What a click does lives in sheet.js."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH, HEIGHT = 1000, 100  # of the drawing, stretched to the page; text is HTML beside it, so that it is not stretched
MOST_POINTS = 2000  # on a line; a longer one is drawn by the lowest and highest value of neighbouring frames
REGIONS = {"_face": "face", "_mouth": "mouth"}
FULL = "full frame"
PREDICTION, COMPARED = "prediction", "prediction against truth"
BETTER = {"up": "higher is better", "down": "lower is better", "none": ""}
FIRST = ("psnr", "ssim", "lpips", "lmd", "mouth")  # families in this order, then the others as recorded

PerFrame = list[float | str | None]  # of a record: "inf" is infinity, None no number


@dataclass(frozen=True, kw_only=True)
class Line:
    key: str  # unique on the page: the metric's name, or its name and " truth"
    label: str
    values: tuple[float, ...]  # a frame each: NaN where there is no number, inf where the frame equals its truth


@dataclass(frozen=True, kw_only=True)
class Chart:
    title: str
    lines: tuple[Line, ...]  # at most four

    @property
    def finite(self) -> list[float]:
        return [value for line in self.lines for value in line.values if math.isfinite(value)]


def charts(record: dict[str, Any]) -> list[Chart]:
    """Every metric that has a number a frame; the regions of one metric share a chart, and so does the truth's own curve."""
    found: dict[str, list[Line]] = {}
    names = [name for name in record["metrics"] if not name.endswith("_decoded")]
    for name in names:
        values = record["metrics"][name].get("per_frame")
        if values is None:
            continue
        family, region = _family(name, names)
        truth = _floats(record["ground_truth"].get(name, {}).get("per_frame") or [])
        own = len({value for value in truth if math.isfinite(value)}) > 1  # a distance to itself is one value, no curve
        label = PREDICTION if own or not record["ground_truth"] else COMPARED
        lines = found.setdefault(family, [])
        lines.append(Line(key=name, label=region or label, values=_floats(values)))
        if own:
            lines.append(Line(key=f"{name} truth", label="ground truth", values=truth))
    order = sorted(found, key=lambda family: next((i for i, f in enumerate(FIRST) if family.startswith(f)), len(FIRST)))
    return [Chart(title=_title(record["metrics"][family]), lines=tuple(found[family])) for family in order]


def _title(entry: dict[str, Any]) -> str:
    """What the curve draws: the metric, or what its numbers per frame are where the value is not their mean."""
    return str(entry["curve"]) or ", ".join(filter(None, (entry["title"], entry["unit"], BETTER[entry["better"]])))


def figure(chart: Chart, fps: int) -> str:
    """A chart with its axes, as HTML."""
    title = escape(chart.title)
    if not chart.finite:
        reason = "every frame equals its truth" if _any(chart, math.isinf) else "no frame has a number"
        return f"<figure class=chart><figcaption><b>{title}</b></figcaption><p class=note>{reason}</p></figure>"
    count = len(chart.lines[0].values)
    low, high = _range(chart.finite)
    marks = _ticks(low, high)
    levels = {mark: HEIGHT * (high - mark) / (high - low) for mark in marks}
    grid = "".join(f"<path d='M0 {level:.2f}H{WIDTH}'/>" for level in levels.values())
    paths = "".join(
        f"<path class='line l{place}' d='{_path(line.values, low, high)}'/>" for place, line in enumerate(chart.lines)
    )
    values = "".join(f"<span style='top:{level:.2f}%'>{mark:.4g}</span>" for mark, level in levels.items())
    seconds = "".join(
        f"<span style='left:{100 * mark * fps / max(1, count - 1):.2f}%'>{mark:.4g} s</span>"
        for mark in _ticks(0, max(count - 1, 1) / fps, 8)
    )
    legend = "".join(
        f"<li><i class='l{place}'></i>{escape(line.label)} <output data-line='{escape(line.key)}'></output></li>"
        for place, line in enumerate(chart.lines)
    )
    label = f"{title}: from {min(chart.finite):.4g} to {max(chart.finite):.4g} in {count} frames; arrow keys choose one"
    return (
        f"<figure class=chart><figcaption><b>{title}</b><ul class=legend>{legend}</ul></figcaption>"
        f"<div class=axes><div class=values aria-hidden=true>{values}</div>"
        f"<div class=plot tabindex=0 role=slider aria-label='{label}' aria-valuemin=0 aria-valuemax={count - 1} "
        f"aria-valuenow=0><svg viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio=none aria-hidden=true>"
        f"<g class=grid>{grid}</g>{paths}</svg><div class=head></div></div>"
        f"<div class=seconds aria-hidden=true>{seconds}</div></div>{_note(chart)}</figure>"
    )


def numbers(found: list[Chart]) -> dict[str, list[float | str | None]]:
    """Line -> a value a frame, rounded, for the page's script."""
    return {line.key: [_plain(value) for value in line.values] for chart in found for line in chart.lines}


def _family(name: str, names: list[str]) -> tuple[str, str | None]:
    """The metric whose chart the number joins, and the region that its line is of where the chart has several."""
    for suffix, label in REGIONS.items():
        if name.endswith(suffix) and name.removesuffix(suffix) in names:
            return name.removesuffix(suffix), label
    return name, FULL if any(name + suffix in names for suffix in REGIONS) else None


def _floats(values: PerFrame) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)


def _plain(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else float(f"{value:.5g}")


def _any(chart: Chart, what: Any) -> bool:
    return any(what(value) for line in chart.lines for value in line.values)


def _note(chart: Chart) -> str:
    notes = []
    if _any(chart, math.isinf):
        notes.append("Frames equal to their truth are infinite and drawn at the upper edge.")
    gaps = {line.label: sum(map(math.isnan, line.values)) for line in chart.lines}
    if any(gaps.values()):
        counts = ", ".join(f"{escape(label)} {count}" for label, count in gaps.items() if count)
        notes.append(f"Frames without a number: {counts} of {len(chart.lines[0].values)}.")
    return f"<p class=note>{' '.join(notes)}</p>" if notes else ""


def _range(finite: list[float]) -> tuple[float, float]:
    """A little more than the values span; never nothing."""
    low, high = min(finite), max(finite)
    margin = 0.06 * (high - low) or max(abs(high) * 0.05, 1e-3)
    return low - margin, high + margin


def _ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers in [low, high], at most `most`: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _path(values: tuple[float, ...], low: float, high: float) -> str:
    """SVG path data, broken where frames have no number."""
    parts, pen_down = [], False
    for index in _kept(values):
        value = values[index]
        if math.isnan(value):
            pen_down = False
            continue
        x = WIDTH * index / max(1, len(values) - 1)
        y = HEIGHT * (high - min(value, high)) / (high - low)
        # A line of no length still shows as a dot, so that a single frame between two gaps is seen.
        parts.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.2f}" + ("" if pen_down else "h0"))
        pen_down = True
    return "".join(parts)


def _kept(values: tuple[float, ...]) -> list[int]:
    """Frames that are drawn: all, or of each run of neighbours the lowest, the highest and one without a number."""
    if len(values) <= MOST_POINTS:
        return list(range(len(values)))
    size = math.ceil(len(values) / (MOST_POINTS // 3))
    kept: set[int] = set()
    for start in range(0, len(values), size):
        rows = range(start, min(start + size, len(values)))
        known = [row for row in rows if not math.isnan(values[row])]
        kept.update(row for row in rows if math.isnan(values[row]))
        if known:
            kept.update((min(known, key=values.__getitem__), max(known, key=values.__getitem__)))
    return sorted(kept)
