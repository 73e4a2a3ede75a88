"""What drives the lips, compared over people. `python -m analysis.table_lips` after `experiments.lips`.

Writes analysis/data/measured/lips.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from analysis.load import RUN, IncompleteGrid, load
from analysis.stats import estimate
from analysis.tables import Table, number, to_markdown, write
from experiments.lips import GRID, PEOPLE, WAYS

OUT = Path(__file__).parent / "data" / "measured"
COLUMNS = (  # source, metric, title, digits
    (RUN, "mouth_correlation", "Mouth r", 2),
    ("mute", "mouth_correlation", "Mouth r, mute", 2),
    ("still", "mouth_correlation", "Mouth r, still", 2),
    (RUN, "closure_recall", "Closure recall", 2),
    (RUN, "closure_precision", "Closure precision", 2),
    (RUN, "mouth_amplitude", "Mouth amplitude", 2),
    (RUN, "gain_sync_share", "Share of the truth's sync", 2),
    (RUN, "psnr_face", "PSNR face dB", 2),
    (RUN, "psnr_mouth", "PSNR mouth dB", 2),
)
FIRST = next(iter(WAYS))


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of run folders (default results)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the table")
    parser.add_argument("--allow-mixed", action="store_true", help="mix results of several commits")
    options = parser.parse_args(arguments)
    try:
        made = table(load(GRID, options.results, allow_mixed=options.allow_mixed))
    except IncompleteGrid as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    write(made, options.out)
    print(to_markdown(made), end="")
    return 0


def table(frame: pd.DataFrame) -> Table:
    """A row for each person and way, then each way's mean, then its mean difference from the first way over people."""
    values = {
        (str(row["person"]), str(row["way"]), str(row["source"]), str(row["metric"])): float(row["value"])
        for _, row in frame.iterrows()
    }
    rows, records = [], []

    def add(person: str, way: str, cells: list[str], numbers: list[float | None]) -> None:
        rows.append((person, way, *cells))
        records.append((person, way, *numbers))

    for person in PEOPLE:
        for way in WAYS:
            found = [values.get((person, way, source, metric), float("nan")) for source, metric, _, _ in COLUMNS]
            cells = [
                "-" if value != value else f"{value:.{digits}f}"
                for value, (*_, digits) in zip(found, COLUMNS, strict=True)
            ]
            add(person, way, cells, [None if value != value else value for value in found])
    for way in WAYS:
        add("mean", way, *_over_people(values, way, None))
    for way in list(WAYS)[1:]:
        add(f"minus {FIRST}", way, *_over_people(values, way, FIRST))
    commits = ", ".join(sorted({str(commit)[:8] for commit in frame["commit"].dropna()}))
    return Table(
        name="lips",
        caption="What drives the lips: audio features, or lip motion with what other people's lips do",
        header=("Person", "Driven by", *(title for _, _, title, _ in COLUMNS)),
        rows=tuple(rows),
        record_header=("person", "way", *(f"{source}_{metric}" for source, metric, _, _ in COLUMNS)),
        records=tuple(records),
        notes=(
            f"Commit {commits}. InsTaG, 128 px, one segment of 5 s a person and one seed, the same for every way; Whisper or log-mel.",
            "Brackets: 95 % t interval over people; rows of one person have none. (k): over k people that have the number.",
            "A dash: the number does not exist there (no closed frame, or no listener); results' own records say why.",
        ),
    )


def _over_people(
    values: dict[tuple[str, str, str, str], float], way: str, against: str | None
) -> tuple[list[str], list[float | None]]:
    """Mean over people, or of the differences from another way over the people that have both."""
    cells: list[str] = []
    numbers: list[float | None] = []
    for source, metric, _, digits in COLUMNS:
        each = [
            values.get((person, way, source, metric), float("nan"))
            - (0.0 if against is None else values.get((person, against, source, metric), float("nan")))
            for person in PEOPLE
        ]
        known = [value for value in each if value == value]
        count = "" if len(known) == len(PEOPLE) else f" ({len(known)})"
        cells.append(number(estimate(known), digits) + count if known else "-")
        numbers.append(estimate(known).mean if known else None)
    return cells, numbers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
