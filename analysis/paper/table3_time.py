"""Table 3: score over time, with the division done again; and ours, score and time apart."""

from __future__ import annotations

from analysis import published
from analysis.artefact import Artefact
from analysis.figures import COLOURS, POINTS, PUBLISHED, Figure, Panel, Series
from analysis.sources import Sources
from tfg.record.tabular import Table


def make(sources: Sources) -> Artefact:
    """A row for each method of the paper; ours are in table 2, since a ratio rewards being fast over being good."""
    checked = published.ratios()
    swapped = published.swapped(checked)
    ranks = {ratio.method: rank for rank, ratio in enumerate(sorted(checked, key=lambda of: -of.value), start=1)}
    printed = {ratio.method: rank for rank, ratio in enumerate(sorted(checked, key=lambda of: -of.printed), start=1)}
    wrong = [ratio.method for ratio in checked if not ratio.follows]
    return Artefact(
        where="ISExplore, Table 3",
        said="Each printed ratio beside the division of the paper's own numbers. A time in the denominator rewards being fast over "
        "being good; ours stand apart, in Table 2.",
        table=Table(
            name="table3_time",
            caption="Score over time: the printed ratios and what they follow from",
            header=(
                "Method",
                "Score",
                "Minutes, Table 2",
                "Minutes, header",
                "Printed",
                "Score / Table 2",
                "Follows",
                "Follows header",
                "Rank printed",
                "Rank",
            ),
            rows=tuple(
                (
                    ratio.method,
                    f"{ratio.score:.2f}",
                    f"{ratio.minutes:g}",
                    f"{ratio.header_minutes:g}",
                    f"{ratio.printed:.2f}",
                    f"{ratio.value:.4f}",
                    _word(ratio.follows),
                    _word(ratio.follows_header),
                    str(printed[ratio.method]),
                    str(ranks[ratio.method]),
                )
                for ratio in checked
            ),
            record_header=(
                "method",
                "score",
                "minutes",
                "header_minutes",
                "printed",
                "ratio",
                "follows",
                "follows_header",
            ),
            records=tuple(
                (
                    ratio.method,
                    ratio.score,
                    ratio.minutes,
                    ratio.header_minutes,
                    ratio.printed,
                    ratio.value,
                    ratio.follows,
                    ratio.follows_header,
                )
                for ratio in checked
            ),
            notes=(
                f"Do not follow from Table 2: {', '.join(wrong)}.",
                *(f"In the other order than printed: {first} and {second}." for first, second in swapped),
                *(f"{ratio.method}: {ratio.note}." for ratio in checked if ratio.note),
                "Score: sum of four ratings of a user study, 5 raters and 9 clips a method; no variance is given.",
            ),
        ),
        figure=Figure(panels=(_panel(checked),), columns=1),
        commands=("python -m analysis.paper",),
    )


def _panel(checked: tuple[published.Ratio, ...]) -> Panel:
    methods = [ratio.method for ratio in checked]
    printed, divided = [ratio.printed for ratio in checked], [ratio.value for ratio in checked]
    return Panel(
        x_title="Method",
        y_title="Score / minutes",
        series=(
            Series(kind=POINTS, x=methods, y=printed, name="printed", texts=methods, colour=PUBLISHED),
            Series(kind=POINTS, x=methods, y=divided, name="by division", texts=methods, colour=COLOURS[1]),
        ),
    )


def _word(follows: bool) -> str:
    return "yes" if follows else "no"
