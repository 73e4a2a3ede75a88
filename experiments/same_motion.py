"""The simulation beside Table 1: the same motion under other sound. `python -m experiments.same_motion [key=value ...]`.

Four synthetic people of 90 s whose head, blinks, brows and gaze start anew every five seconds, whatever they say; the last 30 s are
held out. The twelve segments of five seconds before that differ in their sound alone, and every head is scored on the same speech.
The first cell of each person chooses by the diversity of the sound: its record has the D of all twelve.

Expected (written on 2026-11-22 before it ran): from -1 to +1 standard deviation of D the share of the truth's sync rises by less than
0.05, since the prior knows other sounds.

Budget: 52 cells, 48 heads (the chosen segment is one of the twelve) at 55 s each, three quarters of an hour.
"""

from __future__ import annotations

import sys

from experiments.atlas import FIXED
from experiments.grid import Cell, Grid
from experiments.poses import HELD_OUT, PEOPLE, SECONDS, person

MOTION = 5  # seconds after which motion starts anew, and length of a segment
STARTS = tuple(range(0, SECONDS - HELD_OUT, MOTION))
WITHOUT_SELECTOR = tuple(override for override in FIXED if not override.startswith("selector="))
CHOSEN = "chosen"  # label of the cell whose record holds the diversities


def _cell(number: int, label: str, *overrides: str) -> Cell:
    motion = (f"clip.synthetic.motion_seconds={MOTION}", f"seconds={MOTION}", "seed=0")
    return Cell(
        labels={"person": f"s{number}", "segment": label},
        overrides=(*WITHOUT_SELECTOR, *person(number), *motion, *overrides),
    )


GRID = Grid(
    name="same_motion",
    cells=tuple(
        cell
        for number in PEOPLE
        for cell in (
            _cell(number, CHOSEN, "selector=audio", f"stride_seconds={MOTION}"),
            *(_cell(number, f"{start} s", "selector=at", f"start={start}") for start in STARTS),
        )
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
