"""What the parts of SyncTalk give that are keys here. `python -m analysis.table_synctalk_parts` after `experiments.synctalk_parts`.

Writes analysis/data/measured/synctalk_parts.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis import script
from analysis.load import RUN
from analysis.over_people import Ways, value
from analysis.table_lips import COLUMNS
from experiments.synctalk_parts import GRID, PEOPLE, WAYS
from tfg.record.tabular import Table

PICTURES = (value(RUN, "lpips_face", "LPIPS face", 4), value(RUN, "lpips_mouth", "LPIPS mouth", 4))
COMPARED = Ways(people=tuple(PEOPLE), ways=tuple(WAYS), columns=(*COLUMNS, *PICTURES))


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each person and way, then each way's mean, then its mean difference from the defaults over people."""
    return COMPARED.table(
        frame,
        name="synctalk_parts",
        caption="What the parts of SyncTalk give that are keys",
        way="SyncTalk",
        conditions="SyncTalk, lip motion with the universal prior, Whisper, 128 px, one segment of 5 s a person and one seed.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
