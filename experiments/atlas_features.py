"""What a selector may know of each segment of the atlas. `python -m experiments.atlas_features [--person NAME]`; nothing is trained.

Diversities, motion complexities, poses, mouth and voice of the segments of experiments/atlas.py, whether or not their heads are there:
a record a person in results/atlas_features, made anew where the grid's segments or the columns have changed. Faces of whole training
parts are read, 25 to 50 frames a second; they are kept in the cache, where the trainings find them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.atlas import GRID, PEOPLE
from tfg.atlas.columns import FEATURES
from tfg.record import provenance
from tfg.record.files import write_json
from tfg.types import FPS, InputError, Segment

FOLDER = "atlas_features"  # in the folder of results
FIXED = ("clip.size=128", "audio=whisper")


def main(arguments: Sequence[str]) -> int:
    """0, or 2 with one line for what the user can mend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of run folders (default results)")
    parser.add_argument("--person", help="one person alone")
    options = parser.parse_args(arguments)
    try:
        if options.person not in (None, *PEOPLE):
            raise InputError(f"--person {options.person}: not one of {', '.join(PEOPLE)}")
        for person in PEOPLE if options.person is None else (options.person,):
            make(person, segments_of(person), options.results)
    except InputError as error:
        print(f"atlas_features: {error}", file=sys.stderr)
        return 2
    return 0


def segments_of(person: str) -> list[Segment]:
    """Every segment of the grid, each once, by length and start."""
    found = {segment_of(cell.labels, cell.overrides) for cell in GRID.cells if cell.labels["person"] == person}
    return [Segment.whole(start=start, num_frames=length) for length, start in sorted(found)]


def segment_of(labels: Any, overrides: Sequence[str]) -> tuple[int, int]:
    """Length and first frame of a cell."""
    seconds = next(float(text.removeprefix("seconds=")) for text in overrides if text.startswith("seconds="))
    return round(seconds * FPS), round(float(labels["start"]) * FPS)


def make(person: str, segments: Sequence[Segment], results: Path) -> Path:
    """The person's record, unless it is there."""
    one = PEOPLE[person]
    asked = {
        "person": person,
        "overrides": [*FIXED, *one.clip, f"split.held_out={one.held_out}"],
        "columns": list(FEATURES),
        "segments": [[segment.start, segment.num_frames] for segment in segments],
    }
    path = results / FOLDER / f"{person}.json"
    if path.exists():
        found = json.loads(path.read_text())
        if {name: found.get(name) for name in asked} == asked:
            return path
    print(f"atlas_features: {person}: {len(segments)} segments", file=sys.stderr, flush=True)
    from tfg.segment_features import segment_features  # here, so that a table can import the grid as plain data

    rows, costs = segment_features(asked["overrides"], segments)  # type: ignore[arg-type]
    commit, dirty = provenance.commit()
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_json(path, {**asked, "rows": rows, "costs": costs, "commit": commit, "dirty": dirty})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
