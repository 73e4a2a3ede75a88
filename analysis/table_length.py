"""Ten seconds beside their own first five. `python -m analysis.table_length` after `experiments.length`.

Writes analysis/data/measured/length.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis import script
from analysis.load import RUN, results_of
from analysis.over_people import Row, Ways, runs_of, value
from analysis.script import Asked
from analysis.tables import HOLE
from experiments.length import GRID, PEOPLE, TUNED, WAYS
from tfg.record.results import RunResult
from tfg.record.tabular import Table
from tfg.statistics.comparison import Difference, compare
from tfg.statistics.pairing import Scored, matched

METRICS = (  # metric, title, digits
    ("mouth_correlation", "Mouth r", 2),
    ("closure_recall", "Closure recall", 2),
    ("closure_precision", "Closure precision", 2),
    ("mouth_amplitude", "Mouth amplitude", 2),
    ("psnr_face", "PSNR face dB", 2),
    ("psnr_mouth", "PSNR mouth dB", 2),
)
COMPARED = Ways(
    people=tuple(PEOPLE),
    ways=tuple(WAYS),
    columns=tuple(value(RUN, metric, title, digits) for metric, title, digits in METRICS),
    tuned=TUNED,
)
FIRST, *OTHERS = WAYS


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, _made)


def _made(asked: Asked) -> Table:
    frame = asked.load(GRID)
    results = {
        (str(labels["person"]), str(labels["way"])): result for labels, result in results_of(GRID, asked.results)
    }
    return table(frame, results)


def table(frame: pd.DataFrame, results: dict[tuple[str, str], RunResult | None]) -> Table:
    """A row for each person and way, each person's differences over their frames, then means and differences over people."""
    runs = runs_of(frame)
    pairs = [_pair(person, way, results) for person in PEOPLE for way in OTHERS]
    return COMPARED.table(
        frame,
        [*COMPARED.of_each(runs), *pairs, *COMPARED.over_people(runs)],
        name="length",
        caption="Ten seconds beside their own first five",
        way="Segment",
        conditions="InsTaG, 128 px, lip motion with the universal prior, one segment a person and one seed; "
        "10 s: as many more steps as there are more frames.",
        notes=(
            f"Rows of one person minus {FIRST}: brackets are the 95 % interval over their held-out frames, as `tfg compare` has it, "
            "which says nothing of other seeds; none where the frames are too few or the records hold no numbers per frame.",
        ),
    )


def _pair(person: str, way: str, results: dict[tuple[str, str], RunResult | None]) -> Row:
    """A person's way minus the first, over the held-out frames of both."""
    sides = [results[person, one] for one in (way, FIRST)]
    found: dict[str, Difference] = {}
    if sides[0] is not None and sides[1] is not None:
        cells, _ = matched([Scored.of(way, sides[0])], [Scored.of(FIRST, sides[1])])
        found = compare(cells)
    return Row(
        person=f"{person} minus {FIRST}",
        way=way,
        runs=(int(bool(found)), 1),
        cells=tuple(_text(found.get(metric), digits) if found else HOLE for metric, _, digits in METRICS),
        numbers=tuple(found[metric].difference if metric in found else None for metric, _, _ in METRICS),
    )


def _text(found: Difference | None, digits: int) -> str:
    if found is None or found.difference is None:
        return "-"
    between = "" if found.low is None else f" [{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return f"{found.difference:.{digits}f}{between}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
