"""Length scaling: what longer segments give, and where the whole reference stands; InsTaG's data-length table too."""

from __future__ import annotations

from analysis import published
from analysis.artefact import NOT_AT_HAND, Artefact, Ours, ours, whiskers, with_ends
from analysis.figures import Figure, Panel
from analysis.heads import COMMANDS, MADE_BY, SYNC, segments
from analysis.sources import Sources
from tfg.record.tabular import Table

LENGTHS = (2.0, 5.0, 10.0, 20.0, None)  # seconds; None: the full reference
SHOWN = ((SYNC, "Share of the truth's sync", 2), ("mouth_correlation", "Mouth r", 3), ("psnr_face", "PSNR face dB", 2))


def make(sources: Sources) -> Artefact:
    """A row for each length: mean over a person's segments, then over the people that have every length."""
    assert all(number.value is None for name in ("length_scaling", "instag_length") for number in published.read(name))
    people = _with_all(sources)
    rows, records = [], []
    of_length: list[tuple[str, list[Ours]]] = []
    for seconds in LENGTHS:
        found = segments(sources.atlas, seconds=seconds, full=seconds is None)
        label = "full" if seconds is None else f"{seconds:g} s"
        cells = [
            ours([value for person, value in found.means(column).items() if person in people], digits)
            for column, _, digits in SHOWN
        ]
        of_length.append((label, cells))
        rows.append((label, NOT_AT_HAND, *(cell.text for cell in cells)))
        records.append((label, *(number for cell in cells for number in cell.numbers)))
    panels = tuple(
        whiskers(
            [(label, cells[index]) for label, cells in of_length],
            Panel(x_title="Length of the segment", y_title=title, hole=MADE_BY),
        )
        for index, (_, title, _) in enumerate(SHOWN)
    )
    return Artefact(
        where="ISExplore, appendix; InsTaG, data-length table (5, 10, 20 s)",
        said="Steps grow with the length, so that longer segments are trained for longer too.",
        table=Table(
            name="figure_length",
            caption="Longer segments (InsTaG)",
            header=("Length", "Paper", *(title for _, title, _ in SHOWN)),
            rows=tuple(rows),
            record_header=("length", *with_ends(*(of[0] for of in SHOWN))),
            records=tuple(records),
            notes=(
                f"Mean [95 % t interval] (people), of people that have heads of every length: {', '.join(sorted(people)) or 'none'}.",
                "Ten seconds beside their own first five, five people, another study: analysis/data/measured/length.md.",
            ),
        ),
        figure=Figure(panels=panels, columns=3),
        commands=COMMANDS,
    )


def _with_all(sources: Sources) -> set[str]:
    """People that have a head of every length that anybody has one of."""
    found = [set(segments(sources.atlas, seconds=seconds, full=seconds is None).people) for seconds in LENGTHS]
    there = [people for people in found if people]
    return set.intersection(*there) if there else set()
