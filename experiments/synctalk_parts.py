"""What the parts of SyncTalk give that are keys here. `python -m experiments.synctalk_parts [key=value ...]`.

SyncTalk driven by lip motion with the universal prior, 128 px, Whisper, five seconds, one segment and one seed a person, on people of
TFG_ASSETS on whom no setting was chosen. `as it is` has the defaults; each other way changes one: a code for each training frame, the
net that excuses errors where it expects them (both on in the paper), LPIPS in the lips stage (on in the paper), poses without the
stabiliser (the paper's own differs: BlendingHead, METHODS 2.4).

Budget (written on 2026-11-22 before it ran): 15 heads of about four processor minutes, an hour of one core.

Expected (written on 2026-11-22 before it ran): codes and uncertainty nothing that three people could show (within 0.3 dB of the face
and 0.05 of mouth r); LPIPS in the lips stage lowers the mouth's LPIPS by a tenth and its PSNR by 0.3 dB; without the stabiliser the
face is 0.1 dB worse and LPIPS times 1.05.
"""

from __future__ import annotations

import sys

from experiments import people
from experiments.grid import Grid

PEOPLE = people.of("p03", "p08", "german")
WAYS = {
    "as it is": (),
    "individual codes": ("backbone.num_codes=125",),
    "uncertainty": ("backbone.weights.uncertainty=0.01",),
    "LPIPS in the lips stage": ("backbone.perceptual={_target_: tfg.metrics.lpips.Lpips, weights: lpips_alex}",),
    "no stabiliser": ("clip.stabilise=false",),
}
FIXED = (
    "backbone=synctalk",
    "trainer=cpu",
    "clip.size=128",
    "selector=at",
    "audio=whisper",
    "conditioning=lips",
    "prior=universal",
    "metrics.identity=false",
)

GRID = Grid(name="synctalk_parts", cells=people.ways(FIXED, PEOPLE, WAYS))

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
