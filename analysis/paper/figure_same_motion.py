"""The simulation beside Table 1: the same motion under other sound."""

from __future__ import annotations

from analysis import fits, published
from analysis.artefact import NOT_AT_HAND, Artefact, ours
from analysis.evidence import FEWEST_SEGMENTS
from analysis.figures import Figure
from analysis.heads import SYNC, segments
from analysis.paper.figure2_diversity import fitted, panel
from analysis.sources import Sources
from tfg.record.tabular import Table

MADE_BY = "python -m experiments.same_motion"


def make(sources: Sources) -> Artefact:
    """One row: the rise of sync with the diversity of the sound."""
    assert all(number.value is None for number in published.read("same_motion"))
    found = segments(sources.same_motion)
    usable = found.of("audio_pairs", SYNC, at_least=FEWEST_SEGMENTS)
    rises = fits.rises(list(usable.rows["person"]), usable.rows["audio_pairs"], usable.rows[SYNC])
    cell = ours(list(rises.values()), 3)
    return Artefact(
        where="ISExplore, the simulation beside Table 1",
        said="Synthetic people whose motion repeats every five seconds, so that segments differ in their sound alone.",
        table=Table(
            name="figure_same_motion",
            caption="More varied sound at the same motion",
            header=("", "Paper", "Rise of sync share from -1 to +1 sd of D", "Heads"),
            rows=(("same motion, other sound", NOT_AT_HAND, cell.text, str(usable.heads)),),
            record_header=("row", "published", "rise", "low", "high", "people", "heads"),
            records=(("same_motion", None, *cell.numbers, usable.heads),),
            notes=("Mean [95 % t interval] (people).", *usable.left_out),
        ),
        figure=Figure(panels=(panel(fitted(found, "audio_pairs"), "Mean pairwise distance D", MADE_BY),), columns=1),
        commands=(MADE_BY, "python -m analysis.rows same_motion"),
    )
