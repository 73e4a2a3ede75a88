"""What each part of InsTaG gives. `python -m analysis.table_instag_parts` after `experiments.instag_parts`.

Writes analysis/data/measured/instag_parts.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis import script
from analysis.over_people import Ways
from analysis.table_lips import COLUMNS
from experiments.instag_parts import GRID, PEOPLE, WAYS
from tfg.record.tabular import Table

COMPARED = Ways(people=tuple(PEOPLE), ways=tuple(WAYS), columns=COLUMNS)
PUBLISHED = (
    "Published (Li et al. 2025, 512 px, five people in the pre-training, Sync-C of SyncNet, whose weights are not here): 4.82 with "
    "the shared motion fields, 2.02 without. Its other rows were not at hand."
)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each person and way, then each way's mean, then its mean difference from the whole method over people."""
    return COMPARED.table(
        frame,
        name="instag_parts",
        caption="What each part of InsTaG gives",
        way="InsTaG",
        conditions="InsTaG, conditioning=audio, Whisper, 128 px, one segment of 5 s a person and one seed, the same for every row.",
        notes=(PUBLISHED,),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
