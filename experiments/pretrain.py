"""Learns a prior: how sound moves the faces of many people. `python -m experiments.pretrain DATA ... -o FILE`.

DATA: videos, folders of videos, and `synthetic:N` for N synthetic people. Clips of one person are given as NAME=PATH, once for each
clip; without a name every video is a person of its own. The file holds one linear map a kind of audio feature, with what it was
learned from and its score on people left out, each in turn, and a face a person, so that nobody is scored with a prior that was
learned from them. With `--motion` it also holds InsTaG's universal motion fields for these features (for `conditioning=audio
prior=FILE`), learned from the longest clip of each person; `--set KEY=VALUE` changes a key of
conf/backbone/blocks/pretraining.yaml (`pretraining.contrast=0`), of backbone=instag or of the trainer (`trainer=cpu`). Features are
cached and the fields' training has checkpoints in FILE.training: the command goes on where it was stopped, and gives the same bytes
for the same data and settings on the same machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfg.pretraining import AUDIO, pretrain
from tfg.types import InputError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="videos, folders, NAME=VIDEO, synthetic:N")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the prior, a .safetensors file")
    parser.add_argument("--audio", default=",".join(AUDIO), help=f"kinds of audio features (default {','.join(AUDIO)})")
    parser.add_argument("--held-out", help="the end of every video that is not learned from, as split.held_out: 1/11")
    parser.add_argument(
        "--motion", default="", help="audio features that motion fields are learned with: whisper,logmel (default none)"
    )
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="settings of the motion fields' training"
    )
    parser.add_argument("--licence", default="unknown", help="of the data, written into the file")
    options = parser.parse_args(arguments)
    try:
        pretrain(
            options.data,
            options.out,
            options.audio.split(","),
            options.held_out,
            options.licence,
            [audio for audio in options.motion.split(",") if audio],
            options.set,
        )
    except InputError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
