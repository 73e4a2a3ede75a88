"""A table or figure of the paper with ours beside: what it shows, where the paper has it, how it is made, and its files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis import plots, tables
from analysis.figures import COLOURS, WHISKERS, Figure, Panel, Series
from analysis.published import Number
from analysis.stats import Estimate, estimate
from analysis.tables import HOLE
from tfg.record import tabular
from tfg.record.tabular import Table

NOT_AT_HAND = "not at hand"


@dataclass(frozen=True, kw_only=True)
class Picture:
    path: Path
    caption: str


@dataclass(frozen=True, kw_only=True)
class Artefact:
    where: str  # in the paper
    said: str  # what it is for and what is seen, a sentence or two
    table: Table  # its name is that of the artefact's files
    commands: tuple[str, ...]  # that make what it is made of
    figure: Figure | None = None
    pictures: tuple[Picture, ...] = ()

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def holes(self) -> int:
        """Cells that are missing, and panels that are."""
        panels = () if self.figure is None else self.figure.panels
        return sum(cell == HOLE for row in self.table.rows for cell in row) + sum(bool(panel.hole) for panel in panels)


def write(made: Artefact, folder: Path) -> list[Path]:
    """Markdown, CSV and LaTeX of its table, PNG and SVG of its figure, its pictures."""
    paths = tabular.write(made.table, folder)
    if made.figure is not None:
        paths += plots.save(made.figure, folder / made.name)
    for picture in made.pictures:
        paths.append(folder / f"{made.name}_{picture.path.name}")
        shutil.copyfile(picture.path, paths[-1])
    return paths


@dataclass(frozen=True, kw_only=True)
class Ours:
    """A cell of our own numbers: printed, and as Estimate; None: the hole."""

    text: str
    found: Estimate | None = None

    @property
    def numbers(self) -> tuple[float | None, float | None, float | None, int]:
        """Mean, low, high, people."""
        return (None, None, None, 0) if self.found is None else of_estimate(self.found)


def ours(values: Sequence[float], digits: int) -> Ours:
    """Mean over people with its interval; the hole of nobody."""
    if not len(values):
        return Ours(text=HOLE)
    found = estimate(values)
    return Ours(text=f"{tables.number(found, digits)} ({found.count})", found=found)


def of_estimate(found: Estimate) -> tuple[float, float | None, float | None, int]:
    return found.mean, found.low, found.high, found.count


def whiskers(points: Sequence[tuple[float | str, Ours]], panel: Panel, colour: str = COLOURS[0]) -> Panel:
    """The panel with a mean and its interval for each point that has one; its hole stays where none has."""
    known = [(x, cell.found) for x, cell in points if cell.found is not None]
    if not known:
        return panel
    series = Series(
        kind=WHISKERS,
        x=[x for x, _ in known],
        y=[found.mean for _, found in known],
        low=[found.mean if found.low is None else found.low for _, found in known],
        high=[found.mean if found.high is None else found.high for _, found in known],
        texts=[f"{x}: {found.count} people" for x, found in known],
        colour=colour,
    )
    return replace(panel, series=(series,), hole="")


def theirs(number: Number, digits: int) -> str:
    """Printed as the paper has it, or why it is not there."""
    if number.value is None:
        return NOT_AT_HAND
    return number.value if isinstance(number.value, str) else f"{number.value:.{digits}f}"


def with_ends(*names: str) -> tuple[str, ...]:
    """Columns of the CSV for what `ours` records of each."""
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high", "_people"))
