"""Pictures for Fig 5 of finished runs: `python -m analysis.pictures results/<run> --as isexplore`.

Three held-out frames of a head, truth | rendering | four times their difference, to analysis/data/measured/pictures/. Of the embedded
clip and GRID alone; pictures of other people are refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import av
import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

from analysis.load import IncompleteGrid
from analysis.paper.figure5_pictures import FOLDER, SELECTORS
from analysis.script import MEASURED
from tfg.record.results import HEADS, DamagedRecord, RunResult

FRAMES = 3  # evenly over the held-out part
PUBLIC = "grid_s1"  # how the names of GRID's videos begin


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where there is no such picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--as", dest="segment", choices=SELECTORS, required=True, help="which picture of Fig 5 it is")
    parser.add_argument("--out", type=Path, default=MEASURED / FOLDER, help=f"default {MEASURED / FOLDER}")
    options = parser.parse_args(arguments)
    try:
        result = RunResult.read(options.run / "result.json")
        clip = public_clip(result)
        picture = sheet(options.run.parent / HEADS / result.head / "side_by_side.mp4")
    except (IncompleteGrid, DamagedRecord, FileNotFoundError) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"figure5_{clip}_{options.segment}.png"
    imsave(path, picture, metadata={"Software": ""})
    print(path)
    return 0


def public_clip(result: RunResult) -> str:
    """`embedded` or `grid`; IncompleteGrid for anybody else."""
    path = result.config["clip"].get("path")
    if path is None:
        return "embedded"
    if Path(path).name.startswith(PUBLIC):
        return "grid"
    raise IncompleteGrid(
        f"{Path(path).name}: only pictures of the embedded clip and of GRID ({PUBLIC}...) are published"
    )


def sheet(video: Path) -> NDArray[np.uint8]:
    """(FRAMES * height, width, 3): frames evenly over the video, one below the other."""
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    places = np.linspace(0, len(frames) - 1, FRAMES + 2)[1:-1].round().astype(int)
    return np.concatenate([frames[place] for place in places])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
