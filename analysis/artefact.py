"""A table or figure of the paper with ours beside: what it shows, where the paper has it, how it is made, and its files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis import plots, tables
from analysis.figures import Figure
from analysis.published import Number
from analysis.stats import Estimate, estimate
from analysis.tables import HOLE, Table

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
    paths = tables.write(made.table, folder)
    if made.figure is not None:
        paths += plots.save(made.figure, folder / made.name)
    for picture in made.pictures:
        paths.append(folder / f"{made.name}_{picture.path.name}")
        shutil.copyfile(picture.path, paths[-1])
    return paths


def ours(values: Sequence[float], digits: int) -> tuple[str, tuple[object, ...]]:
    """Printed mean with its interval over people, and (mean, low, high, people) for the CSV; the hole of nobody."""
    found = estimate(values) if len(values) else None
    if found is None:
        return HOLE, (None, None, None, 0)
    return f"{tables.number(found, digits)} ({found.count})", of_estimate(found)


def of_estimate(found: Estimate) -> tuple[object, ...]:
    return found.mean, found.low, found.high, found.count


def theirs(number: Number, digits: int) -> str:
    """Printed as the paper has it, or why it is not there."""
    if number.value is None:
        return NOT_AT_HAND
    return number.value if isinstance(number.value, str) else f"{number.value:.{digits}f}"


def with_ends(*names: str) -> tuple[str, ...]:
    """Columns of the CSV for what `ours` records of each."""
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high", "_people"))
