"""What a figure shows, apart from how it is drawn: `plots` draws it for print, `page` for a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

POINTS, LINE, BAND, WHISKERS = KINDS = ("points", "line", "band", "whiskers")
COLOURS = ("#2a6f97", "#c8553d", "#588157", "#8e6c8a", "#bc8a2e", "#5f6f7a", "#3a9d9d", "#a34a6b")
PUBLISHED = "#9a9a9a"  # of what a paper printed


@dataclass(frozen=True, kw_only=True)
class Series:
    """`low`, `high`: ends of a band or of whiskers. `texts`: what a point says when it is pointed at."""

    kind: str  # of KINDS
    x: Sequence[float | str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    name: str = ""  # in the legend; none without
    texts: Sequence[str] = ()
    colour: str = COLOURS[0]
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    x_title: str
    y_title: str
    series: tuple[Series, ...] = ()
    title: str = ""
    hole: str = ""  # in place of series: what is missing


@dataclass(frozen=True, kw_only=True)
class Figure:
    panels: tuple[Panel, ...]
    columns: int = 2  # of panels


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]
