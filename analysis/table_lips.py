"""What drives the lips, compared over people. `python -m analysis.table_lips` after `experiments.lips`.

Writes analysis/data/measured/lips.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis import script
from analysis.load import RUN
from analysis.over_people import Ways, value
from experiments.lips import GRID, PEOPLE, WAYS
from tfg.record.tabular import Table

COLUMNS = (
    value(RUN, "mouth_correlation", "Mouth r", 2),
    value("mute", "mouth_correlation", "Mouth r, mute", 2),
    value("still", "mouth_correlation", "Mouth r, still", 2),
    value(RUN, "closure_recall", "Closure recall", 2),
    value(RUN, "closure_precision", "Closure precision", 2),
    value(RUN, "mouth_amplitude", "Mouth amplitude", 2),
    value(RUN, "gain_sync_share", "Share of the truth's sync", 2),
    value(RUN, "psnr_face", "PSNR face dB", 2),
    value(RUN, "psnr_mouth", "PSNR mouth dB", 2),
)
COMPARED = Ways(people=tuple(PEOPLE), ways=tuple(WAYS), columns=COLUMNS)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each person and way, then each way's mean, then its mean difference from the first way over people."""
    return COMPARED.table(
        frame,
        name="lips",
        caption="What drives the lips: audio features, or lip motion with what other people's lips do",
        way="Driven by",
        conditions="InsTaG, 128 px, one segment of 5 s a person and one seed, the same for every way; Whisper or log-mel.",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
