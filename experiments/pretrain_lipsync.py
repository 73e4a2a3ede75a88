"""Learns audio=lipsync: which sound belongs to which lip motion. `python -m experiments.pretrain_lipsync DATA ... -o FILE`.

DATA as of `experiments.pretrain`. One of every five people is not learned from: the file holds how often the encoder finds their lip
motion by their sound. Goes on from its last checkpoint, and gives the same bytes for the same data on one kind of device.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfg.lipsync_training import STEPS, train
from tfg.types import InputError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="videos, folders, NAME=VIDEO, synthetic:N")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the encoder, a .safetensors file")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of the training (default {STEPS})")
    parser.add_argument("--held-out", help="the end of every video that is not learned from, as split.held_out: 1/11")
    parser.add_argument("--licence", default="unknown", help="of the data, written into the file")
    options = parser.parse_args(arguments)
    try:
        train(options.data, options.out, options.held_out, options.licence, options.steps)
    except InputError as error:
        print(f"pretrain_lipsync: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
