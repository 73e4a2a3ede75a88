"""The cells of a sweep: each with its whole configuration, its folder, and whether it is done already.

Cells that differ in a free number alone, such as the seed, are composed once.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from tfg import clip_checks, heads, overrides, parts, preflight
from tfg.record import identity
from tfg.record.results import RunResult
from tfg.torso.settings import file_name, settings_of
from tfg.types import InputError

FREE = {
    "seed": ("seed",),
    "start": ("start", "selector.start"),
}  # -> where a configuration has it; nothing else follows from it
_NUMBER = re.compile(r"(seed|start)=(\d+(?:\.\d+)?)")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A run that is wanted."""

    overrides: tuple[str, ...]
    plain: dict[str, Any]  # its configuration, with a number for clip.size
    folder: Path
    scores: str  # name of its scores file

    @functools.cached_property
    def config(self) -> DictConfig:
        return overrides.literal(self.plain)

    @property
    def label(self) -> str:
        return identity.label(self.plain)

    @property
    def results(self) -> Path:
        return Path(self.plain["results"])

    def result(self) -> RunResult | None:
        """Where it is done, its head and its scores with it; a damaged record is named on stderr."""
        return heads.result_of(self.folder, self.scores)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A sweep from its command line, before anything runs; one run is a sweep of one cell."""

    given: tuple[str, ...]  # overrides with the automatic choices
    cells: list[Cell]
    missing: list[Cell]  # not done yet


def planned(asked: Sequence[str], *, multirun: bool = True, elsewhere: bool = False) -> Planned:
    """Every cell checked; InputError names the key or file that is wrong. `elsewhere`: they run on other machines than this."""
    given = overrides.complete(asked)
    plan = overrides.cells(given)
    if len(plan) > 1 and not multirun:
        raise InputError("a list of values is a sweep: add -m")
    if axes := overrides.varying(given):
        named = [f"sweep.axes=[{','.join(axes)}]", f"sweep.size={len(plan)}"]
        given, plan = [*given, *named], [[*cell, *named] for cell in plan]
    cells = resolved(plan, elsewhere=elsewhere)
    if cells[0].plain["group"] is None:
        group = identity.sweep_id(cell.folder.name for cell in cells)
        given = [*given, f"group='{group}'"]  # a text also where it could be read as a number
        cells = [_in_group(cell, group, given[-1]) for cell in cells]
    missing = [cell for cell in cells if cell.result() is None]
    preflight.refuse_twins([(cell.folder, cell.plain) for cell in cells])
    for look in (parts.check, clip_checks.check_clip, parts.check_backbone):  # the cheap checks of all cells first
        for cell in missing:
            look(cell.config)
    overrides.say_choice(asked, given)
    return Planned(given=tuple(given), cells=cells, missing=missing)


def resolved(plan: Sequence[Sequence[str]], *, elsewhere: bool = False) -> list[Cell]:
    """The cells of these overrides."""
    split = [_split(cell) for cell in plan]
    first = {key: row for row, (key, _) in reversed(list(enumerate(split)))}
    rows = sorted(first.values())
    composed = preflight.sized([overrides.composed(plan[row]) for row in rows], elsewhere=elsewhere)
    models = {split[row][0]: _model(config) for row, config in zip(rows, composed, strict=True)}
    return [_cell(cell, *models[key], values) for cell, (key, values) in zip(plan, split, strict=True)]


def of(config: DictConfig, given: Sequence[str] = ()) -> Cell:
    """The cell of a configuration whose size is known, and of the overrides that it was composed of."""
    return _cell(given, *_model(config), {})


def _split(cell: Sequence[str]) -> tuple[tuple[str, ...], dict[str, float]]:
    """What has to be composed, with the names of what is free, and the free numbers."""
    values: dict[str, float] = {}
    others = []
    for text in cell:
        if found := _NUMBER.fullmatch(text):
            values[found[1]] = float(found[2]) if "." in found[2] else int(found[2])
        else:
            others.append(text)
    return (*others, *sorted(values)), values


def _model(config: DictConfig) -> tuple[DictConfig, dict[str, Any], str]:
    plain = parts.plain(config)
    return config, plain, heads.scores_name(plain["metrics"], file_name(settings_of(config.torso)))


def _cell(
    given: Sequence[str], model: DictConfig, plain: dict[str, Any], scores: str, values: dict[str, float]
) -> Cell:
    for name, value in values.items():
        for place in FREE[name]:
            plain = _with(plain, place.split("."), value)
    folder = parts.folder_named(plain, model)
    return Cell(overrides=tuple(given), plain=plain, folder=folder, scores=scores)


def _in_group(cell: Cell, group: str, override: str) -> Cell:
    return replace(cell, overrides=(*cell.overrides, override), plain={**cell.plain, "group": group})


def _with(plain: dict[str, Any], place: list[str], value: float) -> dict[str, Any]:
    """A copy with a value at a place that it has; the same where it has not."""
    key, *rest = place
    if key not in plain:
        return plain
    return {**plain, key: _with(plain[key], rest, value) if rest else value}
