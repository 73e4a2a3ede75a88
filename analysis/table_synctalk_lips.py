"""What drives SyncTalk's lips. `python -m analysis.table_synctalk_lips` after `experiments.synctalk_lips`.

Writes analysis/data/measured/synctalk_lips.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis import script
from analysis.over_people import Ways
from analysis.table_lips import COLUMNS
from experiments.synctalk_lips import GRID, PEOPLE, WAYS
from tfg.record.tabular import Table

COMPARED = Ways(people=tuple(PEOPLE), ways=tuple(WAYS), columns=COLUMNS)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each person and way, then each way's mean, then the mean difference from audio features over people."""
    return COMPARED.table(
        frame,
        name="synctalk_lips",
        caption="What drives SyncTalk's lips",
        way="Driven by",
        conditions="SyncTalk, 3000 steps, Whisper, 128 px, one segment of 5 s a person and one seed, the same for both ways.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
