"""Whether heads learned their training lips from speech or from the pose. `python -m experiments.training_lips` after `priors`.

Each head of that grid, rendered again over the frames that it was trained on, once with their sound and once without speech; nothing
is trained. Wanted: the size of mute r at most 0.2 in the mean over people (METHODS 11.5 found 0.41 to 0.58 on two clips).

Expected (written on 2026-11-22 before it ran): without speech the size of r is 0.4 with log-mel, whose code leaves the pose to explain
the lips, and 0.2 with lip motion, about that of a mouth that is rigid in the head; with speech r is 0.8 and 0.75.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from experiments.afterwards import Afterwards, Labels
from experiments.priors import GRID
from tfg.record.results import RunResult

STUDY = Afterwards(name="training_lips", grid=GRID, named_by=("person", "segment", "way"), wanted=lambda labels: True)


def measure(labels: Labels, folder: Path, run: RunResult) -> dict[str, Any]:
    """The correlations of one head."""
    from tfg.heads import folder_of
    from tfg.training_lips import training_lips  # here, so that a table can import what is asked as plain data

    return dict(training_lips(folder_of(folder)))


if __name__ == "__main__":
    sys.exit(STUDY.main(__doc__, sys.argv[1:], lambda labels: {}, measure))
