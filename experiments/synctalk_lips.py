"""SyncTalk's lips by audio features or by lip motion with the universal prior. `python -m experiments.synctalk_lips [key=value ...]`.

SyncTalk, 128 px, whole trainings, Whisper, five seconds, one segment and one seed a person, on people of TFG_ASSETS on whom no
setting was chosen; `experiments.lips` has InsTaG's rows of the same segments.

Expected (written on 2026-11-22 before it ran; short trainings on p05 and p07 gave r 0.52 and 0.65 with lip motion, 0.35 and 0.24
with it as mere features): mouth r 0.4 with audio features and 0.6 with lip motion, closure recall 0.1 and 0.4, amplitude 0.5 and
0.9, face PSNR within 0.5 dB of each other and 1 dB below InsTaG's.
"""

from __future__ import annotations

import sys

from experiments import people
from experiments.grid import Grid

PEOPLE = people.of("german", "p03")
WAYS = {
    "audio": ("conditioning=audio", "prior=none"),
    "lips+universal": ("conditioning=lips", "prior=universal"),
}
FIXED = (
    "backbone=synctalk",
    "trainer=cpu",
    "clip.size=128",
    "selector=at",
    "audio=whisper",
    "metrics.lpips=false",
    "metrics.identity=false",
)

GRID = Grid(name="synctalk_lips", cells=people.ways(FIXED, PEOPLE, WAYS))

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
