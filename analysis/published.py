"""The papers' numbers as data/published/*.csv has them (each with table or section), and whether Table 3 follows from Table 2."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

PUBLISHED = Path(__file__).resolve().parent / "data" / "published"
ROUNDING = 0.005  # of ratios that are printed with two digits


@dataclass(frozen=True, kw_only=True)
class Number:
    row: str
    measure: str
    value: float | str | None  # None: not at hand
    unit: str
    where: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A line of Table 3 beside what its own numbers give."""

    method: str
    score: float  # sum of the four scores
    minutes: float  # processing and training of Table 2
    header_minutes: float  # as Table 3 has them
    printed: float
    note: str

    @property
    def value(self) -> float:
        return self.score / self.minutes

    @property
    def follows(self) -> bool:
        return abs(self.value - self.printed) <= ROUNDING

    @property
    def follows_header(self) -> bool:
        return abs(self.score / self.header_minutes - self.printed) <= ROUNDING


def read(name: str, folder: Path = PUBLISHED) -> tuple[Number, ...]:
    """Rows of data/published/<name>.csv."""
    with open(folder / f"{name}.csv", newline="") as file:
        return tuple(Number(**{**row, "value": _value(row["value"])}) for row in csv.DictReader(file))  # type: ignore[arg-type]


def lookup(name: str) -> dict[tuple[str, str], Number]:
    """(row, measure) -> number."""
    return {(number.row, number.measure): number for number in read(name)}


def value(numbers: dict[tuple[str, str], Number], row: str, measure: str) -> float:
    """A number that must be there."""
    found = numbers[row, measure].value
    assert isinstance(found, float), f"{row}, {measure}: {found}"
    return found


def ratios() -> tuple[Ratio, ...]:
    """Table 3 with the minutes of Table 2."""
    table2, table3 = lookup("table2"), lookup("table3")
    return tuple(
        Ratio(
            method=method,
            score=value(table3, method, "score"),
            minutes=value(table2, method, "processing") + value(table2, method, "training"),
            header_minutes=value(table3, method, "minutes"),
            printed=value(table3, method, "ratio"),
            note=table3[method, "ratio"].note,
        )
        for method, measure in table3
        if measure == "ratio"
    )


def swapped(checked: tuple[Ratio, ...]) -> list[tuple[str, str]]:
    """Pairs of methods that are printed in the other order than their numbers give."""
    return [
        (first.method, second.method)
        for first, second in combinations(checked, 2)
        if (first.printed - second.printed) * (first.value - second.value) < 0
    ]


def _value(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text
