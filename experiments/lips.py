"""What drives the lips: audio features, or lip motion with and without other people's. `python -m experiments.lips [key=value ...]`.

`lips+universal`: the prior that comes with tfg; `lips+others`: that of all other people of TFG_ASSETS, of `experiments.leave_one_out`.

On real people of TFG_ASSETS that none of it was tuned on (benchmarks/sync_trials.py has the tuning people), InsTaG, 128 px, one
segment of five seconds of each person, the same for every way.

Expected (written on 2026-11-22 before it ran with Whisper's second layer, openings in the person's range and positions held in the
fuse stage): mouth r 0.60 with others' lips and 0.56 with the universal prior, at least 0.15 and 0.10 above audio features (log-mel);
closure recall 0.5 and 0.45 at precision 0.6; amplitude 0.85 to 1.15; face PSNR within 0.3 dB of audio features; a third of the steps
loses 0.5 dB of it and no mouth r.
"""

from __future__ import annotations

import sys

from experiments import people
from experiments.grid import Grid

PRIORS = "results/priors"  # of `python -m experiments.leave_one_out`, which comes first
PEOPLE = people.of("p03", "p04", "p06", "p08", "p09", "p11", "german")
LIPS = ("audio=whisper", "conditioning=lips")
WAYS = {
    "audio, logmel": ("audio=logmel", "conditioning=audio"),
    "audio": ("audio=whisper", "conditioning=audio"),
    "lips+universal": (*LIPS, "prior=universal"),
    "lips+universal, a third of the steps": (
        *LIPS,
        "prior=universal",
        *(
            f"backbone.stages.{key}"
            for key in ("warm_up=50", "face=300", "mouth=100", "fuse=533", "harmonics_from=100")
        ),
        *(f"backbone.{key}" for key in ("face_density.start=67", "face_density.stop=267")),
        *(f"backbone.{key}" for key in ("mouth_density.start=33", "mouth_density.stop=100")),
    ),
    "lips+others": (*LIPS, "prior=universal", f"prior.weights={PRIORS}/{{person}}.safetensors"),
}
FIXED = ("backbone=instag", "clip.size=128", "selector=at", "metrics.lpips=false", "metrics.identity=false")

GRID = Grid(name="lips", cells=people.ways(FIXED, PEOPLE, WAYS))

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
