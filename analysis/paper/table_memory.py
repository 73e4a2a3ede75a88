"""Memory of a training: InsTaG's on a card, ours of the process on two cores."""

from __future__ import annotations

from analysis import published
from analysis.artefact import Artefact, ours, theirs
from analysis.heads import COMMANDS, segments
from analysis.sources import Sources
from tfg.record.tabular import Table

BACKBONES = {"instag": "InsTaG", "synctalk": "SyncTalk"}


def make(sources: Sources) -> Artefact:
    """The paper's least and most, then ours."""
    rows: list[tuple[str, ...]] = [
        (f"InsTaG, {number.row}", f"{theirs(number, 1)} {number.unit}", "-")
        for number in published.read("instag_memory")
    ]
    records: list[tuple[object, ...]] = [
        (number.row, number.value, *[None] * 4) for number in published.read("instag_memory")
    ]
    for tag, title in BACKBONES.items():
        gigabytes = [value / 1000 for value in segments(sources.atlas, tag).means("training_peak_mb").values()]
        cell = ours(gigabytes, 2)
        rows.append((f"{title}, 5 s, here", "-", cell.text))
        records.append((tag, None, *cell.numbers))
    return Artefact(
        where="InsTaG, memory",
        said="Of different things: a card's memory in the paper, that of the whole process here.",
        table=Table(
            name="table_memory",
            caption="Memory of a training",
            header=("Training", "Paper, GB of a card", "Ours, GB of the process"),
            rows=tuple(rows),
            record_header=("training", "published_gb", "gb", "low", "high", "people"),
            records=tuple(records),
            notes=("Ours: mean [95 % t interval] (people).",),
        ),
        commands=COMMANDS,
    )
