"""Ways of a grid compared over people: a person's segments are averaged first, intervals and differences are over people.

A difference is of the segments that both ways have, in the mean of each person. Where settings were chosen on some of the people, the
same rows follow over the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

import pandas as pd

from analysis.load import RUN
from analysis.stats import estimate
from analysis.tables import HOLE, number
from tfg.record.tabular import Table

NAN = float("nan")
WITHOUT_TUNED = ", without tuned"
SEGMENT = "segment"  # label of grids with several segments a person
NOTES = (
    "Brackets: 95 % t interval over people; rows of one person have none. (k): over k people that have the number.",
    "A dash: the number does not exist there (no closed frame, or no listener); results' own records say why.",
)
NOTE_OF_SEGMENTS = (
    "A person's number is the mean of their segments, (k) of k with it; differences are of segments that both have."
)
Numbers: TypeAlias = Mapping[tuple[str, str], float]  # source, metric -> value of one run
Runs: TypeAlias = Mapping[tuple[str, str, str], Numbers]  # person, way, segment -> empty where there is no result


@dataclass(frozen=True, kw_only=True)
class Column:
    """A number of a run and how it is printed."""

    key: str  # in the CSV
    title: str
    digits: int
    of: Callable[[Numbers], float]  # NaN where the run lacks it


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table before it is text."""

    person: str  # or what the row is over
    way: str
    runs: tuple[int, int]  # those that it is of, and those that the grid has for it
    cells: tuple[str, ...]
    numbers: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What is compared; the other ways are compared with the first."""

    people: tuple[str, ...]
    ways: tuple[str, ...]
    columns: tuple[Column, ...]
    tuned: tuple[str, ...] = ()  # people on whom settings were chosen

    def of_each(self, runs: Runs) -> list[Row]:
        """A row for each person and way that the grid has."""
        wanted = [(person, way) for person in self.people for way in self.ways]
        return [self._of_person(runs, person, way) for person, way in wanted if _segments(runs, person, way)]

    def over_people(self, runs: Runs) -> list[Row]:
        """Each way's mean, then its difference from the first way; the same without the tuned people."""
        groups = [("", self.people)]
        if self.tuned:
            groups.append((WITHOUT_TUNED, tuple(person for person in self.people if person not in self.tuned)))
        first, *others = self.ways
        return [
            row
            for suffix, people in groups
            for row in (
                *(self._of_people(runs, f"mean{suffix}", people, way, None) for way in self.ways),
                *(self._of_people(runs, f"minus {first}{suffix}", people, way, first) for way in others),
            )
        ]

    def notes(self) -> tuple[str, ...]:
        """What a reader of the rows must know."""
        if not self.tuned:
            return NOTES
        return (*NOTES, f"Without tuned: without {', '.join(self.tuned)}, on whom settings were chosen.")

    def _of_person(self, runs: Runs, person: str, way: str) -> Row:
        segments = _segments(runs, person, way)
        done = [segment for segment in segments if runs[person, way, segment]]
        cells, numbers = [], []
        for column in self.columns:
            known = _known(runs, person, way, None, column)
            mean = fmean(known) if known else None
            cells.append(_text(None if mean is None else f"{mean:.{column.digits}f}", len(known), len(segments), done))
            numbers.append(mean)
        return Row(person=person, way=way, runs=(len(done), len(segments)), cells=tuple(cells), numbers=tuple(numbers))

    def _of_people(self, runs: Runs, label: str, people: Sequence[str], way: str, against: str | None) -> Row:
        """Mean over people of their means, or of the means of their differences from another way."""
        pairs = [
            (person, segment)
            for person in people
            for segment in _segments(runs, person, way)
            if against is None or (person, against, segment) in runs
        ]
        done = [
            pair
            for pair in pairs
            if runs[pair[0], way, pair[1]] and (against is None or runs[pair[0], against, pair[1]])
        ]
        cells: list[str] = []
        numbers: list[float | None] = []
        for column in self.columns:
            of_people = [_known(runs, person, way, against, column) for person in people]
            means = [fmean(known) for known in of_people if known]
            found = estimate(means) if means else None
            text = None if found is None else number(found, column.digits)
            cells.append(_text(text, len(means), len(people), done))
            numbers.append(None if found is None else found.mean)
        return Row(person=label, way=way, runs=(len(done), len(pairs)), cells=tuple(cells), numbers=tuple(numbers))

    def table(
        self,
        frame: pd.DataFrame,
        rows: Sequence[Row] | None = None,
        *,
        name: str,
        caption: str,
        way: str,
        conditions: str,
        notes: tuple[str, ...] = (),
    ) -> Table:
        """`rows`: those of each person, then those over people, if not given; `way`: header of the column of ways.

        `conditions`: what was the same for all runs, after the commits; `notes`: last.
        """
        if rows is None:
            runs = runs_of(frame)
            rows = [*self.of_each(runs), *self.over_people(runs)]
        counted = SEGMENT in frame
        commits = {str(commit) for commit in frame["commit"].dropna()}
        notes = (*((NOTE_OF_SEGMENTS,) if counted else ()), *notes)
        return self.table_of(
            rows,
            commits=commits,
            name=name,
            caption=caption,
            way=way,
            conditions=conditions,
            notes=notes,
            counted=counted,
        )

    def table_of(
        self,
        rows: Sequence[Row],
        *,
        commits: set[str],
        name: str,
        caption: str,
        way: str,
        conditions: str,
        notes: tuple[str, ...],
        counted: bool = False,
    ) -> Table:
        """The same of numbers that no `load` gave; `counted`: say of how many runs a row is."""
        runs = ("Runs",) if counted else ()
        return Table(
            name=name,
            caption=caption,
            header=("Person", way, *runs, *(column.title for column in self.columns)),
            rows=tuple((row.person, row.way, *((_count(row.runs),) if counted else ()), *row.cells) for row in rows),
            record_header=("person", "way", *map(str.lower, runs), *(column.key for column in self.columns)),
            records=tuple((row.person, row.way, *((row.runs[0],) if counted else ()), *row.numbers) for row in rows),
            notes=(
                f"Commit {', '.join(sorted({commit[:8] for commit in commits}))}. {conditions}",
                *self.notes(),
                *notes,
            ),
        )


def value(source: str, metric: str, title: str, digits: int) -> Column:
    """A metric of the run (RUN), a control or the truth."""
    return Column(
        key=f"{source}_{metric}", title=title, digits=digits, of=lambda numbers: numbers.get((source, metric), NAN)
    )


def size(source: str, metric: str, title: str, digits: int) -> Column:
    """Its absolute value, of each run."""
    return Column(
        key=f"size_{source}_{metric}",
        title=title,
        digits=digits,
        of=lambda numbers: abs(numbers.get((source, metric), NAN)),
    )


def apart(source: str, metric: str, title: str, digits: int) -> Column:
    """How far a control's number lies from the run's, without its sign, of each run."""
    return Column(
        key=f"apart_{source}_{metric}",
        title=title,
        digits=digits,
        of=lambda numbers: abs(numbers.get((RUN, metric), NAN) - numbers.get((source, metric), NAN)),
    )


def runs_of(frame: pd.DataFrame) -> Runs:
    """Of `load`'s table; of a grid without segments each person has one."""
    runs: dict[tuple[str, str, str], dict[tuple[str, str], float]] = {}
    for row in frame.to_dict("records"):
        numbers = runs.setdefault((str(row["person"]), str(row["way"]), str(row.get(SEGMENT, ""))), {})
        if pd.notna(row["run_id"]):
            numbers[str(row["source"]), str(row["metric"])] = float(row["value"])
    return runs


def _segments(runs: Runs, person: str, way: str) -> list[str]:
    return [segment for one, by, segment in runs if (one, by) == (person, way)]


def _known(runs: Runs, person: str, way: str, against: str | None, column: Column) -> list[float]:
    """The column's number in each segment that has it, or its difference from another way's."""
    found = []
    for segment in _segments(runs, person, way):
        number_of_way = column.of(runs[person, way, segment])
        base = 0.0 if against is None else column.of(runs.get((person, against, segment), {}))
        found.append(number_of_way - base)
    return [number for number in found if number == number]


def _text(text: str | None, known: int, wanted: int, done: Sequence[object]) -> str:
    """A number and of how many it is where that is not all, a dash where no run has it, and the hole where there is no run."""
    if text is None:
        return "-" if done else HOLE
    return text if known == wanted else f"{text} ({known})"


def _count(runs: tuple[int, int]) -> str:
    have, wanted = runs
    return str(have) if have == wanted else f"{have} of {wanted}"
