"""Five seconds with and without other people's lips. `python -m analysis.table_priors` after `experiments.priors`.

Writes analysis/data/measured/priors.{md,csv,tex}, or to --out; of a study that is not whole with --allow-missing.
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis import script, table_lips
from analysis.load import RUN
from analysis.over_people import Ways, apart, size, value
from experiments.priors import GRID, PEOPLE, TUNED, WAYS
from tfg.record.tabular import Table

COLUMNS = (
    *table_lips.COLUMNS,
    value("mute", "mouth_amplitude", "Mouth amplitude, mute", 2),
    size("mute", "mouth_correlation", "Size of mouth r, mute", 2),
    apart("still", "mouth_correlation", "Size of mouth r - still", 2),
    value(RUN, "lid_correlation", "Lid r", 2),
    value(RUN, "lid_amplitude", "Lid amplitude", 2),
)
COMPARED = Ways(people=tuple(PEOPLE), ways=tuple(WAYS), columns=COLUMNS, tuned=TUNED)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each person and way, then means and differences over people, all and without the tuned ones."""
    return COMPARED.table(
        frame,
        name="priors",
        caption="Other people's lips: none (log-mel features), a prior of everyone else, and the universal prior",
        way="Driven by",
        conditions="InsTaG, 128 px, three segments of 5 s a person and one seed, the same for every way. "
        "A person whom the universal prior knows has no row of it. Size: mean of the absolute values of single runs.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
