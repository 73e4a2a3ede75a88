"""Fig 5: how heads look, of the embedded clip and GRID alone; nobody else's pictures are published."""

from __future__ import annotations

from pathlib import Path

from analysis.artefact import Artefact, Picture
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

FOLDER = "pictures"  # of analysis/data/measured
CLIPS = {"embedded": "Embedded clip", "grid": "GRID, speaker s1"}
SELECTORS = {"random": "Random", "isexplore": "ISExplore", "full": "Full reference"}
MADE_BY = "python -m analysis.pictures results/<run> --as isexplore"


def make(sources: Sources) -> Artefact:
    """A row for each picture that is wanted; those that are there are shown."""
    rows, records, pictures = [], [], []
    for clip, clip_title in CLIPS.items():
        for selector, title in SELECTORS.items():
            path = sources.measured / FOLDER / f"figure5_{clip}_{selector}.png"
            there = path.exists()
            rows.append((clip_title, title, path.name if there else HOLE))
            records.append((clip, selector, path.name if there else None))
            if there:
                pictures.append(Picture(path=path, caption=f"{clip_title}, {title}"))
    readme = Path(__file__).resolve().parents[2] / "docs" / "readme.png"
    if readme.exists():
        pictures.append(
            Picture(
                path=readme, caption="Embedded clip, a random segment: truth, rendering, four times their difference"
            )
        )
    return Artefact(
        where="ISExplore, Fig 5",
        said="Held-out speech: truth, rendering, difference. Pictures of other people are not published.",
        table=Table(
            name="figure5_pictures",
            caption="Pictures of heads",
            header=("Clip", "Segment", "Picture"),
            rows=tuple(rows),
            record_header=("clip", "segment", "picture"),
            records=tuple(records),
            notes=(f"A picture that is missing goes to analysis/data/measured/{FOLDER}/.",),
        ),
        pictures=tuple(pictures),
        commands=(MADE_BY,),
    )
