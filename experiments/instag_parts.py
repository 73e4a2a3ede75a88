"""What each part of InsTaG gives, as its ablation asks. `python -m experiments.instag_parts [key=value ...]`.

InsTaG as in the paper (`conditioning=audio`), 128 px, Whisper, five seconds, one segment and one seed a person, on people of
TFG_ASSETS on whom no setting was chosen. `whole` starts from the universal prior's motion fields (learned with personal fields and
contrast), aligns them, and takes frames by mouth opening and blink; each other row leaves one part out, `none` all. The hook is
left out beside `no fields`, since fields that were learned with it are refused without. `no personal fields` and `no contrast` start
from fields of the same people that were learned so, with the sources that the universal prior names (docs/design.md):

    python -m experiments.pretrain ... --motion whisper --set trainer=cpu clip.size=128 \\
        pretraining.personal=false -o .../no_personal.safetensors
    python -m experiments.pretrain ... --motion whisper --set trainer=cpu clip.size=128 \\
        pretraining.contrast=0 -o .../no_contrast.safetensors

Not a row here: LPIPS in the last part (twice the time of a step).

Expected (written on 2026-11-22 before it ran; on p05, with fields of eight people, mouth r rose by 0.09 and mute r fell by 0.14): the
fields +0.08 of mouth r and +0.5 dB of the face against `no fields`; the aligner +0.03; the hook +0.02; sampling and geometry
nothing that three people could show. Of the last two rows, after p03's other rows had been seen (aligner, sampling and geometry gave
it nothing): -0.03 without personal fields, nothing without contrast.
"""

from __future__ import annotations

import sys

from experiments import people
from experiments.grid import Grid

PEOPLE = people.of("p03", "p08", "german")
FIELDS = ("prior=universal",)
GUIDED, UNGUIDED = ("backbone.sampling.guided=true",), ("backbone.sampling.guided=false",)
GEOMETRY = ("backbone.geometry.depth=1e-2", "backbone.geometry.normal=1e-3")
LEARNED = "results/priors/{}.safetensors"
WAYS = {
    "whole": (*FIELDS, *GUIDED, *GEOMETRY),
    "no fields": ("prior=none", *GUIDED, *GEOMETRY),
    "no aligner": (*FIELDS, *GUIDED, *GEOMETRY, "backbone.adaptation.aligner=false"),
    "no fields, no hook": ("prior=none", *GUIDED, *GEOMETRY, "backbone.motion.hook=false"),
    "no guided sampling": (*FIELDS, *UNGUIDED, *GEOMETRY),
    "no geometry prior": (*FIELDS, *GUIDED),
    "no personal fields": (*FIELDS, f"prior.weights={LEARNED.format('no_personal')}", *GUIDED, *GEOMETRY),
    "no contrast": (*FIELDS, f"prior.weights={LEARNED.format('no_contrast')}", *GUIDED, *GEOMETRY),
    "none": ("prior=none", *UNGUIDED),
}
FIXED = (
    "backbone=instag",
    "trainer=cpu",
    "clip.size=128",
    "selector=at",
    "audio=whisper",
    "conditioning=audio",
    "metrics.lpips=false",
    "metrics.identity=false",
)

GRID = Grid(name="instag_parts", cells=people.ways(FIXED, PEOPLE, WAYS))

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
