"""An atlas read from its CSV: the segments of each person with their features, and the scores of the heads trained on them."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tfg.atlas.columns import COLUMNS, FEATURE, SCORE
from tfg.types import InputError

_READ = tuple(column.name for column in COLUMNS if column.role in (FEATURE, SCORE))
_KEYS = ("person", "kind", "tuned", "backbone", "px", "start", "seconds", "full", "seed", "growth", "audio", "prior")
_SETTING = ("px", "audio", "prior")  # what the heads of a person share
_QUOTED = 60  # characters of a wrong value that a message shows

Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Person:
    """n segments of one length of a person, by start; NaN where a number is missing."""

    name: str
    kind: str  # real | synthetic
    tuned: bool  # settings were chosen on this person
    seconds: float  # length of a segment
    starts: Numbers  # (n,) seconds, ascending
    numbers: Mapping[str, Numbers]  # feature or score -> (n,); means over seeds, NaN where a trained one lacks it
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
    for name, own in by_person.items():
        _check(path, name, own)
    return [_person(name, own) for name, own in by_person.items()]


def quoted(value: object) -> str:
    """As Python writes it, cut to what fits in a line."""
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows, header = list(reader), reader.fieldnames or []
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such atlas, so it is elsewhere or not measured yet; give --atlas CSV, or make it in a checkout: "
            "`python -m experiments.atlas`, `python -m experiments.atlas_features`, `python -m analysis.atlas`"
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a readable CSV ({error}); give what `python -m analysis.atlas` writes"
        ) from error
    if lacking := [name for name in (*_KEYS, *_READ) if name not in header]:
        raise InputError(f"{path}: no column {lacking[0]}; make the atlas anew with `python -m analysis.atlas`")
    for number, row in enumerate(rows, start=2):
        if None in row.values():
            raise InputError(f"{path}, line {number}: fewer cells than columns; make it anew")
        for name in _READ:
            if row[name] and _number(row[name]) is None:
                raise InputError(f"{path}, line {number}: {name} is no number ({quoted(row[name])}); make it anew")
        for name in ("start", "seconds", "growth", "seed"):
            found = _number(row[name])
            if found is None or not math.isfinite(found) or (name == "seed" and not found.is_integer()):
                kind = "whole number" if name == "seed" else "number"
                raise InputError(f"{path}, line {number}: {name} is no {kind} ({quoted(row[name])}); make it anew")
    return rows


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _check(path: Path, name: str, rows: Sequence[Mapping[str, str]]) -> None:
    """InputError where a person's heads are of several settings, or two are of one segment and seed."""
    for column in _SETTING:
        if len(found := sorted({row[column] for row in rows})) > 1:
            raise InputError(f"{path}: {name}: heads of several {column} ({', '.join(found)[:_QUOTED]}); keep one")
    heads = Counter((float(row["start"]), int(float(row["seed"]))) for row in rows)
    (start, seed), count = heads.most_common(1)[0]
    if count > 1:
        raise InputError(f"{path}: {name}: {count} heads of start {start:g}, seed {seed}; keep one")


def _person(name: str, rows: Sequence[Mapping[str, str]]) -> Person:
    starts = sorted({float(row["start"]) for row in rows})
    seeds = sorted({int(float(row["seed"])) for row in rows})
    values = {column: np.full((len(seeds), len(starts)), np.nan) for column in _READ}
    trained = np.zeros((len(seeds), len(starts)), bool)
    for row in rows:
        place = seeds.index(int(float(row["seed"]))), starts.index(float(row["start"]))
        trained[place] = True
        for column in _READ:
            values[column][place] = float(row[column] or "nan")
    return Person(
        name=name,
        kind=rows[0]["kind"],
        tuned=rows[0]["tuned"] == "true",
        seconds=float(rows[0]["seconds"]),
        starts=np.array(starts),
        numbers={column: found.mean(axis=0, where=trained) for column, found in values.items()},
        seeds={column.name: values[column.name] for column in COLUMNS if column.role == SCORE},
    )
