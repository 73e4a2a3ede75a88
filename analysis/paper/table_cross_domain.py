"""InsTaG's cross-domain driving: heads that say other people's speech, another language and a synthetic voice."""

from __future__ import annotations

from analysis import published
from analysis.artefact import NOT_AT_HAND, Artefact, Ours, ours, with_ends
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

SPEECH = {
    "own": "Own voice",
    "voice 1": "Another person",
    "voice 2": "A third person",
    "language": "Another language",
    "espeak": "espeak-ng",
}
PRIORS = {"others": "prior of everyone else", "universal": "universal prior"}


def make(sources: Sources) -> Artefact:
    """A row for each kind of speech; a column for each prior."""
    assert all(number.value is None for number in published.read("instag_cross_domain"))
    found = sources.table("foreign_speech")
    rows, records = [], []
    for way, title in SPEECH.items():
        cells = []
        for prior in PRIORS:
            if found is None:
                cells.append(Ours(text=HOLE))
                continue
            people = found["person"].str.startswith(f"{prior}: ") & ~found["person"].str.contains(": mean|: minus")
            cells.append(ours(found.loc[people & (found["way"] == way), "share"].dropna().tolist(), 2))
        rows.append((title, NOT_AT_HAND, *(cell.text for cell in cells)))
        records.append((way, *(number for cell in cells for number in cell.numbers)))
    return Artefact(
        where="InsTaG, cross-domain driving",
        said="Heads under speech that is not their person's, judged by the person's own listener, which is fitted to one voice.",
        table=Table(
            name="table_cross_domain",
            caption="Speech of others: share of the truth's sync",
            header=("Speech", "Paper", *(f"Ours: {title}" for title in PRIORS.values())),
            rows=tuple(rows),
            record_header=(
                "speech",
                *with_ends(*PRIORS),
            ),
            records=tuple(records),
            notes=("Mean [95 % t interval] (people).",),
        ),
        commands=("python -m experiments.foreign_speech", "python -m analysis.table_foreign_speech"),
    )
