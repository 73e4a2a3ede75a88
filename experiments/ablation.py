"""Table 4: what each part of the selection contributes. `python -m experiments.ablation [--jobs N] [key=value ...]`.

On eleven minutes of the embedded clip, the last of them held out, with InsTaG. A seed of `random` is another segment and another
training; a seed of `isexplore` is another training of the same segment. The other selectors are single draws.
"""

from __future__ import annotations

import sys

from experiments.grid import Grid, cells

FIXED = (
    "clip=embedded",
    "clip.size=128",
    "clip.synthetic.seconds=660",
    "backbone=instag",
    "audio=logmel",
    "conditioning=audio",
    "prior=none",
    "seconds=5.0",
)
SINGLE = ("first", "audio", "camera", "lip", "lip_camera")

GRID = Grid(
    name="ablation",
    cells=tuple(
        cells({"selector": ("random",), "seed": (0, 1, 2)}, FIXED)
        + cells({"selector": ("isexplore",), "seed": (0, 1)}, FIXED)
        + cells({"selector": SINGLE, "seed": (0,)}, FIXED)
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
