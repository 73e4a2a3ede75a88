"""Lips over the frames that heads were trained on. `python -m analysis.table_training_lips` after `experiments.training_lips`.

Writes analysis/data/measured/training_lips.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys
from typing import Any

from analysis import afterwards, script
from analysis.load import RUN
from analysis.over_people import NAN, NOTE_OF_SEGMENTS, Runs, Ways, size, value
from experiments.afterwards import Labels
from experiments.priors import PEOPLE, TUNED, WAYS
from experiments.training_lips import STUDY
from tfg.record.tabular import Table

COLUMNS = (
    value(RUN, "spoken_r", "Mouth r", 2),
    value(RUN, "mute_r", "Mouth r, mute", 2),
    size(RUN, "mute_r", "Size of mouth r, mute", 2),
    size(RUN, "rigid_mouth_r", "Size of r, rigid mouth", 2),
)
COMPARED = Ways(people=tuple(PEOPLE), ways=tuple(WAYS), columns=COLUMNS, tuned=TUNED)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the records do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(afterwards.records(STUDY, asked)))


def table(records: list[tuple[Labels, dict[str, Any] | None]]) -> Table:
    """A row for each person and way, then means and differences over people."""
    runs: Runs = {
        (labels["person"], labels["way"], labels["segment"]): {} if record is None else _numbers(record)
        for labels, record in records
    }
    return COMPARED.table_of(
        [*COMPARED.of_each(runs), *COMPARED.over_people(runs)],
        commits={record["commit"] for _, record in records if record is not None},
        name="training_lips",
        caption="Lips over the training frames, with their sound and without speech",
        way="Driven by",
        conditions="The heads of priors.md over their 125 training frames; size: mean of the absolute values of single heads.",
        notes=(
            NOTE_OF_SEGMENTS,
            "Rigid mouth: the mean face under the training poses, which opens in the picture by perspective alone.",
        ),
        counted=True,
    )


def _numbers(record: dict[str, Any]) -> dict[tuple[str, str], float]:
    known = ("spoken_r", "mute_r", "rigid_mouth_r")
    return {(RUN, name): NAN if record[name] is None else float(record[name]) for name in known}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
