"""An atlas read from its CSV: the segments of each person with their features, and the scores of the heads trained on them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tfg.atlas.columns import COLUMNS, FEATURE, SCORE
from tfg.types import InputError

_READ = tuple(column.name for column in COLUMNS if column.role in (FEATURE, SCORE))
_KEYS = ("person", "kind", "tuned", "backbone", "start", "seconds", "full", "seed", "growth")

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Person:
    """n segments of one length of a person, by start; NaN where a number is missing."""

    name: str
    kind: str  # real | synthetic
    tuned: bool  # settings were chosen on this person
    starts: Numbers  # (n,) seconds, ascending
    numbers: Mapping[str, Numbers]  # feature or score -> (n,); scores are means over the seeds that have them
    seeds: Mapping[str, Numbers]  # score -> (seeds, n)


def read(path: Path, *, backbone: str, seconds: float) -> list[Person]:
    """The people of one backbone and length, whole references left out; InputError where there are none."""
    rows = [
        row
        for row in _rows(path)
        if row["backbone"] == backbone
        and row["full"] == "false"
        and float(row["seconds"]) == seconds
        and float(row["growth"]) == 1
    ]
    if not rows:
        raise InputError(f"{path}: no heads of {backbone} on {seconds:g} s; give another --backbone or --seconds")
    by_person: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_person.setdefault(row["person"], []).append(row)
    return [_person(name, own) for name, own in by_person.items()]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows, header = list(reader), reader.fieldnames or []
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such atlas; give --atlas FILE.csv, as `python -m analysis.atlas` writes it"
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a readable CSV ({error}); give what `python -m analysis.atlas` writes"
        ) from error
    if lacking := [name for name in (*_KEYS, *_READ) if name not in header]:
        raise InputError(f"{path}: no column {lacking[0]}; make the atlas anew with `python -m analysis.atlas`")
    for number, row in enumerate(rows, start=2):
        for name in (*_READ, "start", "seconds", "seed", "growth"):
            try:
                float(row[name] or "nan")
            except (TypeError, ValueError) as error:
                raise InputError(f"{path}, line {number}: {name} is no number ({row[name]!r}); make it anew") from error
    return rows


def _person(name: str, rows: Sequence[Mapping[str, str]]) -> Person:
    starts = sorted({float(row["start"]) for row in rows})
    seeds = sorted({int(row["seed"]) for row in rows})
    values = {column: np.full((len(seeds), len(starts)), np.nan) for column in _READ}
    for row in rows:
        place = seeds.index(int(row["seed"])), starts.index(float(row["start"]))
        for column in _READ:
            values[column][place] = float(row[column] or "nan")
    return Person(
        name=name,
        kind=rows[0]["kind"],
        tuned=rows[0]["tuned"] == "true",
        starts=np.array(starts),
        numbers={column: _mean(found) for column, found in values.items()},
        seeds={column.name: values[column.name] for column in COLUMNS if column.role == SCORE},
    )


def _mean(values: Numbers) -> Numbers:
    """(seeds, n) -> (n,) over the seeds with a number; NaN where none has one."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
