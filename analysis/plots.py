"""A figure for print: PNG and SVG by matplotlib, the same bytes for the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawn

from analysis.figures import BAND, LINE, WHISKERS, Figure, Panel, Series

PANEL_INCHES = (4.2, 3.2)
DPI = 150
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "svg.hashsalt": "tfg",  # ids of the SVG, which are random without
    "svg.fonttype": "none",
}


def save(figure: Figure, stem: Path) -> list[Path]:
    """`<stem>.png` and `<stem>.svg`."""
    columns = min(figure.columns, len(figure.panels))
    rows = -(-len(figure.panels) // columns)
    with matplotlib.rc_context(STYLE):
        drawn = Drawn(figsize=(PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows), dpi=DPI, layout="constrained")
        FigureCanvasAgg(drawn)
        for index, panel in enumerate(figure.panels):
            _draw(drawn.add_subplot(rows, columns, index + 1), panel)
        paths = [stem.with_suffix(suffix) for suffix in (".png", ".svg")]
        drawn.savefig(paths[0], metadata={"Software": None})
        drawn.savefig(paths[1], metadata={"Date": None})
    return paths


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set(xlabel=panel.x_title, ylabel=panel.y_title, title=panel.title)
    if panel.hole:
        axes.text(
            0.5,
            0.5,
            f"missing\n{panel.hole}",
            ha="center",
            va="center",
            transform=axes.transAxes,
            wrap=True,
            color="0.4",
        )
        axes.set(xticks=[], yticks=[])
        axes.patch.set(facecolor="0.95", hatch="//", edgecolor="0.85")
        return
    for series in panel.series:
        _add(axes, series)
    if any(isinstance(x, str) and len(x) > 10 for series in panel.series for x in series.x):
        axes.tick_params(axis="x", rotation=90, labelsize=6)
    if any(series.name for series in panel.series):
        axes.legend(fontsize=7, frameon=False)


def _add(axes: Axes, series: Series) -> None:
    label = series.name or None
    strength = 0.35 if series.faint else 0.9
    if series.kind == BAND:
        axes.fill_between(series.x, series.low, series.high, color=series.colour, alpha=0.15, linewidth=0, label=label)
    elif series.kind == LINE:
        axes.plot(
            series.x, series.y, color=series.colour, alpha=strength, linewidth=1 if series.faint else 1.8, label=label
        )
    elif series.kind == WHISKERS:
        ends = [
            [max(value - low, 0.0) for value, low in zip(series.y, series.low, strict=True)],
            [max(high - value, 0.0) for value, high in zip(series.y, series.high, strict=True)],
        ]
        axes.errorbar(series.x, series.y, ends, fmt="o", color=series.colour, capsize=3, markersize=5, label=label)
    else:
        axes.scatter(series.x, series.y, s=14, color=series.colour, alpha=strength, linewidths=0, label=label)
