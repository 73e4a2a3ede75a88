"""Fig 1: how much the quality of a head depends on its segment, beside how much on its seed."""

from __future__ import annotations

import numpy as np

from analysis.artefact import Artefact
from analysis.evidence import spread_beyond_seeds
from analysis.figures import POINTS, Figure, Panel, Series, colour
from analysis.heads import COMMANDS, MADE_BY, SYNC, heads, segments
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

SHOWN = ((SYNC, "Share of the truth's sync", 2), ("mouth_correlation", "Mouth r", 3), ("psnr_face", "PSNR face dB", 2))


def make(sources: Sources) -> Artefact:
    """A row for each person and score; a dot for each segment."""
    found = segments(sources.atlas)
    rows, records = [], []
    for column, title, digits in SHOWN:
        for person in found.people:
            cells, record = _row(sources, person, column, digits)
            rows.append((title, person, *cells))
            records.append((column, person, *record))
    if not rows:
        rows, records = [(title, *[HOLE] * 8) for _, title, _ in SHOWN], []
    return Artefact(
        where="ISExplore, Fig 1 (its numbers are not at hand)",
        said="Each dot is a head of one segment of 5 s, the mean of its seeds. What lies within the seeds' spread is noise.",
        table=Table(
            name="figure1_spread",
            caption="Scores of heads of all segments (InsTaG, 5 s)",
            header=("Score", "Person", "Segments", "Least", "10 %", "Median", "90 %", "Most", "sd - sd of seeds"),
            rows=tuple(rows),
            record_header=(
                "score",
                "person",
                "segments",
                "least",
                "p10",
                "median",
                "p90",
                "most",
                "spread_beyond_seeds",
            ),
            records=tuple(records),
            notes=(
                "sd - sd of seeds: among the segments without the seeds' part, minus among seeds; a dash with one seed.",
                *found.left_out,
            ),
        ),
        figure=Figure(panels=tuple(_panel(sources, column, title) for column, title, _ in SHOWN), columns=3),
        commands=COMMANDS,
    )


def _row(sources: Sources, person: str, column: str, digits: int) -> tuple[tuple[str, ...], tuple[object, ...]]:
    found = segments(sources.atlas)
    values = found.rows.loc[found.rows["person"] == person, column].dropna().to_numpy(float)
    if not len(values):
        return ("0", *[HOLE] * 6), (0, *[None] * 6)
    numbers = [float(value) for value in np.quantile(values, [0, 0.1, 0.5, 0.9, 1])]
    each, _ = heads(sources.atlas, "instag")
    own = each[each["person"] == person].dropna(subset=[column])
    beyond = spread_beyond_seeds([[of[column].to_numpy(float) for _, of in own.groupby("start")]])
    known = beyond if np.isfinite(beyond) else None
    last = "-" if known is None else f"{known:.{digits}f}"
    return (str(len(values)), *(f"{number:.{digits}f}" for number in numbers), last), (len(values), *numbers, known)


def _panel(sources: Sources, column: str, title: str) -> Panel:
    found = segments(sources.atlas).of(column)
    if found.rows.empty:
        return Panel(x_title="", y_title=title, hole=MADE_BY)
    series = []
    for index, person in enumerate(found.people):
        own = found.rows[found.rows["person"] == person]
        texts = [f"{person}, {start:g} s: {value:.3f}" for start, value in zip(own["start"], own[column], strict=True)]
        series.append(
            Series(kind=POINTS, x=[person] * len(own), y=own[column].tolist(), texts=texts, colour=colour(index))
        )
    return Panel(x_title="Person", y_title=title, series=tuple(series))
