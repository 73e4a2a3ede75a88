"""Learns for each person of the long clips of TFG_ASSETS a prior of all others: `python -m experiments.leave_one_out [-o FOLDER]`.

For studies on this machine only: footage that may not be published is in these files, so they are never committed or shipped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tfg.pretraining import VIDEOS, leave_one_out
from tfg.types import InputError

AUDIO = "whisper"
OUT = Path("results/priors")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=OUT, help=f"folder of the priors (default {OUT})")
    out: Path = parser.parse_args(arguments).out
    try:
        leave_one_out(everyone(), AUDIO, out)
    except InputError as error:
        print(f"leave_one_out: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0


def everyone() -> list[str]:
    """Each long clip of TFG_ASSETS as NAME=PATH; p02a ... p02d are one man."""
    if "TFG_ASSETS" not in os.environ:
        raise InputError("TFG_ASSETS is not set; let it name the folder whose video/ holds GRID, German and people/")
    videos = Path(os.environ["TFG_ASSETS"]) / "video"
    found = [f"{path.stem[:3]}={path}" for path in sorted((videos / "people").iterdir()) if path.suffix in VIDEOS]
    return [*found, f"german={videos / 'German_20s.mp4'}", f"grid={videos / 'grid_s1_79clips_237s.mp4'}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
