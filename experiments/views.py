"""Heads seen from the side, against the generator's own pictures from there. `python -m experiments.views [key=value ...]`.

Four synthetic people whose identity, speech and motion no prior has (the universal one: synthetic identities 101 to 108), one segment
of five seconds each, at 128 px. In this study, and nowhere else, heads are trained and scored with the true cameras
(`clip.cameras=sidecar`, in every record): a fit of landmarks has a head space of its own, in which the generator's views could not be
named. Lights stay in the world while the camera goes round the head. Beside each head at each view: the nearest training frame turned
there as a flat picture, and the head without its speech.

Expected (2026-11-23, before it ran, when one cell had been seen, InsTaG on s31: face 29.2 dB in front, 24.4 at 15 left, 22.6 at
30 right, 22.7 at 45 left, a nod of 20 degrees costs 4 dB; identity 0.96, 0.93, 0.71, 0.62; mouth r 0.93 in front and 0.80 to 0.87
at 45, mute within 0.3 of 0; depth error 0.13 and 0.10): InsTaG over people 26, 24, 22, 22 dB in the means of yaw 0, 15, 30, 45,
identity 0.87, 0.83, 0.72, 0.64. SyncTalk 1 dB below at 0 and 1 dB above at 45, since density does not come apart as Gaussians do
that were never seen from the side; mouth r 0.1 below. The turned picture is 8 dB below both at every yaw, and above both in
identity from 30 degrees on.

Budget: 8 heads of 35 (InsTaG) and about 150 (SyncTalk) processor seconds of training. From the side InsTaG took 135, SyncTalk, which
renders a frame in 0.2 processor seconds, about 650; the other scores 55 and 300. In all an hour and a half of one core.
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
