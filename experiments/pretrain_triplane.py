"""Learns a 3D prior: what heads of many people look like from all sides. `python -m experiments.pretrain_triplane -o FILE`.

`--domain synthetic`: people of the embedded generator, identity seeds from 1001 on, which no study has; `--domain ict`: heads of
ICT-FaceKit (`tfg assets`), another kind of face. Both in the embedded clip's head space and cameras, yaw to 60 degrees, pitch to 20,
each person in a light of their own. The file holds generator and decoder, where people's codes lie, its people, and its score: PSNR of
people left out at sides that their codes were not found from; a sheet of them lies beside it (.png). Pictures and checkpoint lie in
FILE.training: the command goes on where it was stopped, and gives the same bytes on the same machine.

Budget of `--profile small`, by short runs (2 cores, AVX2): 0.19 processor seconds a step, one thread, so 12,000 take 40 minutes of one
core; 9,600 pictures of 13 ms and 0.4 s a person, 4 minutes; the score 2 minutes. 0.36 GB of pictures in FILE.training, as much in
memory. The two domains may be learned side by side. `--profile full` needs a card and has not been run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfg.triplane_pretraining import DOMAINS, PROFILES, pretrain
from tfg.types import InputError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True, help="the prior, a .safetensors file")
    parser.add_argument("--domain", choices=tuple(DOMAINS), default="synthetic")
    parser.add_argument("--profile", choices=tuple(PROFILES), default="small", help="small: two cores; full: a GPU")
    for name, meaning in (
        ("people", "that are learned from"),
        ("views", "pictures a person"),
        ("steps", "of training"),
    ):
        parser.add_argument(f"--{name}", type=int, help=f"{meaning}, in the profile's place")
    options = parser.parse_args(arguments)
    given = {
        name: getattr(options, name) for name in ("people", "views", "steps") if getattr(options, name) is not None
    }
    try:
        pretrain(options.domain, replace(PROFILES[options.profile], **given), options.out)
    except InputError as error:
        print(f"pretrain_triplane: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
