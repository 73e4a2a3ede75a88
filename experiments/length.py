"""Ten seconds beside their own first five. `python -m experiments.length [key=value ...]`.

InsTaG, 128 px, lip motion with the universal prior (the default), one segment a person. The steps of ten seconds are those of five
(growth 0), or as many more as there are more frames (growth 1, `trainer.growth`). Settings are chosen on p05 and p07; p03, p08 and
german are people on whom none was.

Expected (written on 2026-11-22 before it ran): at the steps of five seconds, ten lose 0.3 dB of face PSNR on the segment's own look
and win it back by more poses: within 0.3 dB of the first five, mouth r the same; at twice the steps +0.5 dB, and mouth r +0.03.
"""

from __future__ import annotations

import sys

from experiments import people
from experiments.grid import Grid

PEOPLE = people.of("p05", "p07", "p03", "p08", "german")
TUNED = ("p05", "p07")
WAYS = {
    "5 s": ("seconds=5.0",),
    "10 s, steps of 5 s": ("seconds=10.0", "trainer.growth=0"),
    "10 s": ("seconds=10.0", "trainer.growth=1"),
}
FIXED = (
    "backbone=instag",
    "trainer=cpu",
    "clip.size=128",
    "selector=at",
    "audio=whisper",
    "conditioning=lips",
    "prior=universal",
    "metrics.lpips=false",
    "metrics.identity=false",
    "metrics.listener=false",
    "metrics.controls=false",
)

GRID = Grid(name="length", cells=people.ways(FIXED, PEOPLE, WAYS))

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
