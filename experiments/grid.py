"""What a grid of runs is: a list of cells in plain data. Products are built with ordinary Python, no cell is implied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

Label: TypeAlias = str | int | float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: what a table calls it, and the overrides that `run.py` gets."""

    labels: Mapping[str, Label]  # axis -> value, such as {"selector": "audio", "seed": 0}
    overrides: tuple[str, ...]  # `key=value` of the command line, nothing else

    @property
    def title(self) -> str:
        return " ".join(f"{axis}={value}" for axis, value in self.labels.items())


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The runs that one table or figure needs."""

    name: str  # file-name safe; also the tracker's group
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        titles = [cell.title for cell in self.cells]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"grid {self.name}: two cells are called {', '.join(twice)}")

    def bound(self, overrides: Sequence[str]) -> Grid:
        """The same cells, all with these overrides added: another clip, another profile."""
        cells = tuple(Cell(labels=cell.labels, overrides=(*cell.overrides, *overrides)) for cell in self.cells)
        return Grid(name=self.name, cells=cells)


def cells(axes: Mapping[str, Sequence[Label]], fixed: Sequence[str] = ()) -> list[Cell]:
    """Every combination of the axes, the last one fastest; each axis is an override `axis=value` and a label."""
    return [
        Cell(
            labels=dict(zip(axes, values, strict=True)),
            overrides=(*fixed, *(f"{axis}={value}" for axis, value in zip(axes, values, strict=True))),
        )
        for values in product(*axes.values())
    ]
