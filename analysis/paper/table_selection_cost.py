"""What choosing costs: the paper's minutes, and ours on one clip (benchmarks/selection.json)."""

from __future__ import annotations

import json
from pathlib import Path

from analysis import published
from analysis.artefact import Artefact, theirs
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

MEASURED = Path(__file__).resolve().parents[2] / "benchmarks" / "selection.json"
ROWS = (("Audio", None), ("every face", "every_face"), ("ISExplore", "isexplore"))


def make(sources: Sources) -> Artefact:
    """A row for each way of choosing."""
    paper = published.lookup("selection_cost")
    clip = json.loads(MEASURED.read_text())["clip"] if MEASURED.exists() else None
    rows, records = [], []
    for name, key in ROWS:
        own = None if clip is None or key is None else clip[key]
        number = paper[name, "minutes"]
        cells = (HOLE, HOLE) if own is None else (f"{own['seconds']:.1f}", str(own["frames"]))
        rows.append((name, theirs(number, 1), *cells))
        records.append((name, number.value, own and own["seconds"], own and own["frames"]))
    return Artefact(
        where="ISExplore, Table 4",
        said="ISExplore looks at the faces of five candidates only, which is what makes it cheap.",
        table=Table(
            name="table_selection_cost",
            caption="What selection costs",
            header=("Way", "Minutes (paper)", "Ours: seconds", "Ours: frames looked at"),
            rows=tuple(rows),
            record_header=("way", "published_minutes", "seconds", "frames"),
            records=tuple(records),
            notes=(
                *(
                    ()
                    if clip is None
                    else (f"Ours: {clip['name']}, {clip['candidates']} candidates, two cores, from an empty cache.",)
                ),
                *(f"{number.row}: {number.note}." for number in paper.values() if number.note),
            ),
        ),
        commands=("python -m benchmarks.selection",),
    )
