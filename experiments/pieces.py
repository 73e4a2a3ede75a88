"""Five seconds in five pieces, beside one stretch. `python -m experiments.pieces [key=value ...]`.

The people and the fixed settings of experiments/atlas.py, InsTaG, one seed, so that a head can stand beside the atlas's rows of five
seconds of the same person. Ways: `pieces`, the selector as it is; `one piece`, the same rule with one piece of five seconds (no second
one is read, so motion does not count): what the pieces are worth is the difference of these two; `isexplore`, its own segment, which
need not be on the atlas's grid of starts.

Budget (written on 2026-11-22 before it ran): 42 heads of about 95 processor seconds each,
1.1 hours of one core; priors as for the atlas (`python -m experiments.leave_one_out` comes first for GRID and the synthetic people).

Expected (written on 2026-11-22 before it ran; of p03, at other metrics, pieces and isexplore were known to be within 0.15 dB of face
PSNR and 0.01 of mouth r of each other): pieces minus one piece, in the mean over people: pose gap 0.5 degrees smaller, face PSNR
+0.4 dB, mouth r within 0.03, share of the truth's sync within 0.05, whole blinks in the training part of two people more. Pieces
minus isexplore: face PSNR +0.3 dB, mouth r and sync within the same margins, since the prior knows other sounds. On clips with less
than half a minute to choose from nothing differs by more than the seed.
"""

from __future__ import annotations

import sys

from experiments.atlas import FIXED, PEOPLE
from experiments.grid import Cell, Grid

WAYS = {
    "pieces": ("selector=pieces",),
    "one piece": ("selector=pieces", "selector.piece_seconds=5"),
    "isexplore": ("selector=isexplore",),
}
GRID = Grid(
    name="pieces",
    cells=tuple(
        Cell(
            labels={"person": name, "way": way},
            overrides=(
                *(override for override in FIXED if override != "selector=at"),
                *person.overrides,
                "backbone=instag",
                "seconds=5",
                "seed=0",
                *given,
            ),
        )
        for name, person in PEOPLE.items()
        for way, given in WAYS.items()
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
