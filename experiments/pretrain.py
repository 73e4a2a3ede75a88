"""Learns a lip prior: how sound moves the lips of many people. `python -m experiments.pretrain DATA ... -o FILE`.

DATA: videos, folders of videos, and `synthetic:N` for N synthetic people. Clips of one person are given as NAME=PATH, once for each
clip; without a name every video is a person of its own. The file holds one linear map a kind of audio feature, with what it was
learned from and its score on people left out, each in turn. Features are cached: the command goes on where it was stopped, and
gives the same bytes for the same data. The file also holds a face a person, so that nobody is scored with a prior that knows them;
`--faces` writes these into a prior that has none: the one that comes with tfg was learned from `synthetic:8 grid_s1=VIDEO FOLDER`, the
video and the folder of GRID speakers of TFG_ASSETS, with `--held-out 1/11`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfg.pretraining import AUDIO, add_faces, pretrain
from tfg.types import InputError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="videos, folders, NAME=VIDEO, synthetic:N")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the prior, a .safetensors file")
    parser.add_argument("--audio", default=",".join(AUDIO), help=f"kinds of audio features (default {','.join(AUDIO)})")
    parser.add_argument("--held-out", help="the end of every video that is not learned from, as split.held_out: 1/11")
    parser.add_argument("--licence", default="unknown", help="of the data, written into the file")
    parser.add_argument("--faces", action="store_true", help="learn nothing: write the faces of DATA into --out")
    options = parser.parse_args(arguments)
    audios = options.audio.split(",")
    try:
        if options.faces:
            add_faces(options.data, options.out, audios, options.held_out)
        else:
            pretrain(options.data, options.out, audios, options.held_out, options.licence)
    except InputError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
