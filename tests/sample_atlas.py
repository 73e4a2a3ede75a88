"""Small atlases made by hand: a CSV with every column, of numbers that are given."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfg.atlas.columns import COLUMNS

Row = Mapping[str, object]


def head(person: str, start: float, **given: object) -> dict[str, object]:
    """A head of five seconds with InsTaG; features and scores that are not given are empty."""
    keys = {
        "kind": "real",
        "tuned": "false",
        "backbone": "instag",
        "seconds": 5,
        "full": "false",
        "seed": 0,
        "growth": 1,
    }
    return {"person": person, "start": start, **keys, **given}


def people(
    values: Mapping[str, Sequence[float]], column: str = "audio_pairs", quality: str = "mouth_correlation"
) -> list[Row]:
    """Heads whose column is 1, 2, 3 ... by start and whose quality is given, of each person."""
    return [
        head(person, float(place), **{column: place + 1, quality: value})
        for person, of_person in values.items()
        for place, value in enumerate(of_person)
    ]


def write(path: Path, rows: Sequence[Row], without: str = "") -> Path:
    names = [column.name for column in COLUMNS if column.name != without]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows([{name: row[name] for name in names if name in row} for row in rows])
    return path
