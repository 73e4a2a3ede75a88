"""Five seconds with and without other people's lips, on everybody. `python -m experiments.priors [key=value ...]`.

Every person of TFG_ASSETS with at least 20 s, InsTaG, 128 px, three segments of five seconds (ISExplore's, ranked by Whisper's
features for every way, and two random ones), one seed. `universal`: the prior that comes with tfg, on those it was not learned from;
`others`: that of all other people, of `experiments.leave_one_out`, which comes first. p01, p02, p05, p07 and p10 are people on whom
settings were chosen (TUNED); a table of the others alone is beside that of all.

Expected (written on 2026-11-22 before it ran; experiments/lips.py has the seven people seen before, p03, p08, p09 and german among
them with another segment): over all ten, mouth r 0.40 with log-mel, 0.55 universal, 0.65 others; closure recall 0.25, 0.4, 0.45;
amplitude 0.6, 0.95, 0.95; share of the truth's sync 0.25, 0.55, 0.7; face PSNR within 0.2 dB of each other; |mute r| 0.2 whatever
drives; r at the true poses as at a fixed one (still) within 0.05 of each other with lip motion, in the mean. People differ more than
segments.
"""

from __future__ import annotations

import sys

from experiments.grid import Cell, Grid
from experiments.people import FOLDER

PRIORS = "results/priors"  # of `python -m experiments.leave_one_out`
PEOPLE = {  # name -> file and held-out end in seconds
    "p01": ("people/p01.mp4", 12),
    "p02": ("people/p02b.mkv", 10),
    "p03": ("people/p03b.mkv", 10),
    "p05": ("people/p05.mkv", 8),
    "p07": ("people/p07.mp4", 12),
    "p08": ("people/p08.mp4", 12),
    "p09": ("people/p09.mp4", 9),
    "p10": ("people/p10.mp4", 12),
    "german": ("German_20s.mp4", 8),
    "grid": ("grid_s1_79clips_237s.mp4", 15),
}
TUNED = ("p01", "p02", "p05", "p07", "p10")
LEARNED_FROM = {"universal": ("grid",)}  # way -> people that its prior was learned from
SEGMENTS = {
    "isexplore": ("selector=isexplore", "selector_audio=whisper"),
    "random 0": ("selector=random", "seed=0"),
    "random 1": ("selector=random", "seed=1"),
}
LIPS = ("audio=whisper", "conditioning=lips", "prior=universal")
WAYS = {
    "none, logmel": ("audio=logmel", "conditioning=audio", "prior=none"),
    "others": (*LIPS, f"prior.weights={PRIORS}/{{person}}.safetensors"),
    "universal": LIPS,
}
FIXED = ("backbone=instag", "trainer=cpu", "clip.size=128", "metrics.lpips=false", "metrics.identity=false")

GRID = Grid(
    name="priors",
    cells=tuple(
        Cell(
            labels={"person": person, "segment": segment, "way": way},
            overrides=(
                *FIXED,
                f"clip.path={FOLDER}/{file}",
                f"split.held_out={held}",
                *chosen,
                *(override.format(person=person) for override in given),
            ),
        )
        for segment, chosen in SEGMENTS.items()
        for person, (file, held) in PEOPLE.items()
        for way, given in WAYS.items()
        if person not in LEARNED_FROM.get(way, ())
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
