"""Fig 3: above which frequency motion is called high, and how much sync falls with it."""

from __future__ import annotations

from analysis import fits, published
from analysis.artefact import Artefact, ours, whiskers
from analysis.evidence import FEWEST_SEGMENTS
from analysis.figures import Figure, Panel, colour
from analysis.heads import COMMANDS, MADE_BY, SYNC, segments
from analysis.sources import Sources
from tfg.atlas.columns import THRESHOLDS
from tfg.record.tabular import Table

SIGNALS = {"lips": ("Lips", "_pooled_radial"), "camera": ("Camera", ""), "both": ("Both", "_pooled_radial")}


def make(sources: Sources) -> Artefact:
    """A row for each threshold; a panel for each set of signals."""
    found = segments(sources.atlas)
    rises: dict[tuple[str, str], list[float]] = {}
    for signals, (_, reading) in SIGNALS.items():
        for threshold in THRESHOLDS:
            usable = found.of(column := f"mc_{signals}_{threshold}{reading}", SYNC, at_least=FEWEST_SEGMENTS)
            of_people = fits.rises(list(usable.rows["person"]), usable.rows[column], usable.rows[SYNC])
            rises[signals, threshold] = list(of_people.values())
    cells = {key: ours(values, 3) for key, values in rises.items()}
    return Artefact(
        where="ISExplore, section 3.4 and Fig 3",
        said="Rise of sync from one standard deviation below the person's mean share of high-frequency motion to one above: "
        "below 0, such motion hurts.",
        table=Table(
            name="figure3_thresholds",
            caption="Sync against the share of high-frequency motion, by threshold",
            header=("Threshold, cycles a frame", *(title for title, _ in SIGNALS.values())),
            rows=tuple(
                (threshold, *(cells[signals, threshold].text for signals in SIGNALS)) for threshold in THRESHOLDS
            ),
            record_header=("threshold", "signals", "rise", "low", "high", "people"),
            records=tuple(
                (threshold, signals, *cells[signals, threshold].numbers)
                for signals in SIGNALS
                for threshold in THRESHOLDS
            ),
            notes=(
                "Mean [95 % t interval] (people), in shares of the truth's sync. The paper chose 0.25.",
                *(number.note for number in published.read("fig3")),
            ),
        ),
        figure=Figure(
            panels=tuple(
                whiskers(
                    [(float(threshold), cells[signals, threshold]) for threshold in THRESHOLDS],
                    Panel(x_title="Threshold, cycles a frame", y_title="Rise of sync share", title=title, hole=MADE_BY),
                    colour(index),
                )
                for index, (signals, (title, _)) in enumerate(SIGNALS.items())
            ),
            columns=3,
        ),
        commands=COMMANDS,
    )
