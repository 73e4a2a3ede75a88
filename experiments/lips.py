"""What drives the lips: audio features, or lip motion with and without other people's. `python -m experiments.lips [key=value ...]`.

On real people of TFG_ASSETS that none of it was tuned on (benchmarks/sync_trials.py has the tuning people), InsTaG, 128 px, one
segment of five seconds of each person, the same for every way.
"""

from __future__ import annotations

import os
import sys

from experiments.grid import Cell, Grid

FOLDER = f"{os.environ.get('TFG_ASSETS', 'assets')}/video"
PEOPLE = {  # name -> file, start of the segment and held-out end in seconds
    "p03": ("people/p03b.mkv", 2, 10),
    "p04": ("people/p04b.mkv", 1, 7),
    "p06": ("people/p06.mkv", 2, 8),
    "p08": ("people/p08.mp4", 10, 12),
    "p09": ("people/p09.mp4", 3, 9),
    "p11": ("people/p11.mp4", 1, 6),
    "german": ("German_20s.mp4", 2, 8),
}
WAYS = {
    "audio": ("conditioning=audio",),
    "lips": ("conditioning=lips", "prior=none"),
    "lips+universal": ("conditioning=lips", "prior=universal"),
}
FIXED = ("backbone=instag", "selector=at", "audio=whisper", "metrics.lpips=false", "metrics.identity=false")

GRID = Grid(
    name="lips",
    cells=tuple(
        Cell(
            labels={"person": person, "way": way},
            overrides=(*FIXED, f"clip.path={FOLDER}/{file}", f"start={start}", f"split.held_out={held}", *given),
        )
        for person, (file, start, held) in PEOPLE.items()
        for way, given in WAYS.items()
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
