"""Length scaling: what longer segments give, and where the whole reference stands; InsTaG's data-length table too."""

from __future__ import annotations

from analysis import published
from analysis.artefact import NOT_AT_HAND, Artefact, ours, with_ends
from analysis.figures import WHISKERS, Figure, Panel, Series
from analysis.heads import MADE_BY, SYNC, segments
from analysis.sources import Sources
from analysis.tables import HOLE, Table

LENGTHS = (2.0, 5.0, 10.0, 20.0, None)  # seconds; None: the full reference
SHOWN = ((SYNC, "Share of the truth's sync", 2), ("mouth_correlation", "Mouth r", 3), ("psnr_face", "PSNR face dB", 2))


def make(sources: Sources) -> Artefact:
    """A row for each length: mean over a person's segments, then over the people that have every length."""
    assert all(number.value is None for name in ("length_scaling", "instag_length") for number in published.read(name))
    people = _with_all(sources)
    rows, records, panels = [], [], []
    of_length: dict[str, list[tuple[str, tuple[object, ...]]]] = {column: [] for column, _, _ in SHOWN}
    for seconds in LENGTHS:
        found = segments(sources.atlas, seconds=seconds, full=seconds is None)
        label = "full" if seconds is None else f"{seconds:g} s"
        for column, _, digits in SHOWN:
            values = [value for person, value in found.means(column).items() if person in people]
            of_length[column].append((label, ours(values, digits)))
        cells = [of_length[column][-1][1] for column, _, _ in SHOWN]
        rows.append((label, NOT_AT_HAND, *(text for text, _ in cells)))
        records.append((label, *(value for _, numbers in cells for value in numbers)))
    for column, title, _ in SHOWN:
        known = [
            (label, *numbers[:3])
            for label, (text, numbers) in of_length[column]
            if text != HOLE and numbers[1] is not None
        ]
        axes = {"x_title": "Length of the segment", "y_title": title}
        if not known:
            panels.append(Panel(**axes, hole=MADE_BY))
            continue
        x, y, low, high = (list(of) for of in zip(*known, strict=True))
        panels.append(Panel(**axes, series=(Series(kind=WHISKERS, x=x, y=y, low=low, high=high),)))
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
        figure=Figure(panels=tuple(panels), columns=3),
        commands=(MADE_BY,),
    )


def _with_all(sources: Sources) -> set[str]:
    """People that have a head of every length that anybody has one of."""
    found = [set(segments(sources.atlas, seconds=seconds, full=seconds is None).people) for seconds in LENGTHS]
    there = [people for people in found if people]
    return set.intersection(*there) if there else set()
