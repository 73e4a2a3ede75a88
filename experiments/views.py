"""Heads seen from the side, against the generator's own pictures from there. `python -m experiments.views [key=value ...]`.

Four synthetic people whose identity, speech and motion no prior has (the universal one: synthetic identities 101 to 108), one segment
of five seconds each, at 128 px. In this study, and nowhere else, heads are trained and scored with the true cameras
(`clip.cameras=sidecar`, in every record): a fit of landmarks has a head space of its own, in which the generator's views could not be
named. Lights stay in the world while the camera goes round the head. Beside each head at each view: the nearest training frame turned
there as a flat picture, and the head without its speech.

Expected (written on 2026-11-23 before it ran, when InsTaG with fitted cameras and lights that follow the camera had been seen on the
embedded identity 0: face 29.0 dB at 0, 26.7 at 15, 23.0 at 30 and 45 degrees, mouth 26 to 19): face PSNR of InsTaG 29, 27, 24, 22 dB
over rings of yaw, which pitches of 20 degrees lower by 2 dB each; SyncTalk 1 dB below at 0 and 1 dB above at 45, since density
does not come apart as Gaussians do that were never seen from the side; identity 0.95 at 0, 0.6 at 45; mouth r 0.8 at 0, above 0.6 at 45;
depth error 0.03 eye distances at 0, 0.06 at 45. The turned picture is 6 dB below both at 0 (it has another mouth) and 1 dB below at 45.

Budget: 8 heads of 70 (InsTaG) and 150 (SyncTalk) processor seconds of training, and about 100 and 250 of scoring from the side, with
what else a run costs about an hour of one core.
"""

from __future__ import annotations

import sys

from experiments.grid import Cell, Grid

PEOPLE = (31, 32, 33, 34)  # identity, speech and motion seeds
BACKBONES = ("instag", "synctalk")
SECONDS, HELD_OUT, START = 60, 12, 10
FIXED = (
    "trainer=cpu",
    "clip=embedded",
    "clip.size=128",
    "clip.cameras=sidecar",
    f"clip.synthetic.seconds={SECONDS}",
    f"split.held_out={HELD_OUT}",
    "selector=at",
    f"start={START}",
    "seconds=5",
    "seed=0",
    "audio=whisper",
    "conditioning=lips",
    "prior=universal",
    "metrics.views=world",
)


def person(number: int) -> tuple[str, ...]:
    """Overrides of one synthetic person."""
    return tuple(f"clip.synthetic.{seed}_seed={number}" for seed in ("identity", "speech", "motion"))


GRID = Grid(
    name="views",
    cells=tuple(
        Cell(
            labels={"person": f"s{number}", "way": backbone},
            overrides=(*FIXED, *person(number), f"backbone={backbone}"),
        )
        for number in PEOPLE
        for backbone in BACKBONES
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
