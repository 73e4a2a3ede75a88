"""Table 4: what each part of the selection contributes. `python -m experiments.ablation [--jobs N] [key=value ...]`.

On the embedded clip with InsTaG; three seeds for random, since one draw says nothing of it.
"""

from __future__ import annotations

import sys

from experiments.grid import Grid, cells

FIXED = ("clip=embedded", "backbone=instag", "seconds=5.0")
DETERMINISTIC = ("first", "audio", "camera", "lip", "lip_camera", "isexplore")

GRID = Grid(
    name="ablation",
    cells=tuple(
        cells({"selector": ("random",), "seed": (0, 1, 2)}, FIXED)
        + cells({"selector": DETERMINISTIC, "seed": (0,)}, FIXED)
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
