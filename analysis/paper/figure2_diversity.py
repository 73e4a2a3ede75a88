"""Fig 2: four measures of how varied a segment's sound is, against the sync of its head; quadratic fits within people."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis import fits, published
from analysis.artefact import Artefact, ours, theirs
from analysis.evidence import FEWEST_SEGMENTS
from analysis.figures import BAND, LINE, POINTS, PUBLISHED, Figure, Panel, Series, colour
from analysis.heads import COMMANDS, MADE_BY, SYNC, Segments, segments
from analysis.load import IncompleteGrid
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

MEASURES = {
    "pairs": "Mean pairwise distance D",
    "explained_variance": "1 - explained variance",
    "cumulative_variance": "1 - cumulative variance",
    "semantic_entropy": "Semantic entropy",
}
PLACES = np.linspace(-2.0, 2.0, 41)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Of one measure: points standardised in their person, and what was fitted to them."""

    usable: Segments
    x: fits.Numbers
    y: fits.Numbers  # sync less the person's mean
    whole: fits.Quadratic
    trimmed: fits.Quadratic
    dropped: int
    across: fits.Quadratic  # on the raw numbers of all people, as the paper's points are
    mixed: fits.Mixed | None  # None: did not converge, or one person
    left_out: tuple[float, ...]  # R2 of each left-out person
    cook: fits.Numbers
    p: float  # overall, of `whole`, with a degree of freedom less for each person
    p_bend: float
    p_trimmed: float


def make(sources: Sources) -> Artefact:
    """A row and a panel for each measure."""
    found = {name: fitted(segments(sources.atlas), f"audio_{name}") for name in MEASURES}
    known = [name for name, of in found.items() if of is not None]
    corrected = dict(zip(known, fits.corrected([of.p for of in found.values() if of is not None]), strict=True))
    rows, records = [], []
    for name, title in MEASURES.items():
        cells, record = _row(name, found[name], corrected.get(name))
        rows.append((title, *cells))
        records.append((name, *record))
    return Artefact(
        where="ISExplore, section 3.3 and Fig 2",
        said="Each dot is a segment. Sound and sync are relative to the person's own mean, so that people who differ make no fit.",
        table=Table(
            name="figure2_diversity",
            caption="Diversity of sound against sync: quadratic fits",
            header=(
                "Measure",
                "R2 (paper)",
                "p (paper)",
                "R2",
                "n",
                "p",
                "p corrected",
                "p of bend",
                "Spearman",
                "Dropped",
                "R2 without",
                "R2 across people",
                "R2 of people left out",
                "p of slope, mixed",
                "Cook's D > 4/n",
            ),
            rows=tuple(rows),
            record_header=(
                "measure",
                "published_r2",
                "published_p",
                "r2",
                "n",
                "p",
                "p_corrected",
                "p_bend",
                "spearman",
                "dropped",
                "r2_trimmed",
                "r2_across",
                "left_out_r2",
                "left_out_low",
                "left_out_high",
                "people",
                "p_slope_mixed",
                "influential",
            ),
            records=tuple(records),
            notes=(
                "p: overall F test, people's means counted as fitted; corrected over the measures (Benjamini-Hochberg). "
                "Bend: the quadratic term.",
                "Dropped: studentised residual significant after Bonferroni's correction, once; R2 without them.",
                "Across people: raw numbers of all together, as the paper's points are; people who differ can make a fit alone.",
                "Of people left out: R2 of each person by a fit on the others, mean [95 % t interval] (people); below 0 is worse than "
                "their mean. Mixed: a random intercept for each person.",
                "The paper's n is not said; 23 follows from its R2 and p.",
                *segments(sources.atlas).left_out,
            ),
        ),
        figure=Figure(
            panels=(*(panel(found[name], title) for name, title in MEASURES.items()), _influence(found["pairs"]))
        ),
        commands=COMMANDS,
    )


def fitted(found: Segments, column: str, sync: str = SYNC) -> Fitted | None:
    """None where nobody has enough segments."""
    usable = found.of(column, sync, at_least=FEWEST_SEGMENTS)
    if usable.rows.empty:
        return None
    people = list(usable.rows["person"])
    x = fits.within(people, usable.rows[column])
    if not np.isfinite(x).all():
        usable = Segments(rows=usable.rows[np.isfinite(x)], left_out=usable.left_out)
        people, x = list(usable.rows["person"]), x[np.isfinite(x)]
    score = usable.rows[sync].to_numpy(float)
    y = score - usable.rows.groupby("person")[sync].transform("mean").to_numpy(float)
    out = fits.outliers(x, y)
    try:
        mixed = fits.mixed(people, usable.rows[column], score) if len(usable.people) > 1 else None
    except IncompleteGrid:
        mixed = None
    whole, trimmed, several = fits.quadratic(x, y), fits.quadratic(x[~out], y[~out]), len(usable.people)
    p, p_bend = fits.p_within(whole, several)
    return Fitted(
        usable=usable,
        x=x,
        y=y,
        whole=whole,
        p=p,
        p_bend=p_bend,
        p_trimmed=fits.p_within(trimmed, several)[0],
        trimmed=trimmed,
        dropped=int(out.sum()),
        across=fits.quadratic(usable.rows[column], score),
        mixed=mixed,
        left_out=tuple(fits.left_out_r2(people, usable.rows[column], score).values()),
        cook=fits.influence(x, y),
    )


def _row(name: str, found: Fitted | None, corrected: float | None) -> tuple[tuple[str, ...], tuple[object, ...]]:
    numbers = published.lookup("fig2")
    paper = [numbers.get((name, measure)) for measure in ("r2", "p")]
    printed = ["not at hand" if number is None else theirs(number, 4) for number in paper]
    values = [None if number is None else number.value for number in paper]
    if found is None or corrected is None:
        return (*printed, *[HOLE] * 12), (*values, *[None] * 15)
    whole, slope = found.whole, None if found.mixed is None else found.mixed.p_slope
    left = ours(found.left_out, 2)
    influential = int((found.cook > 4 / whole.count).sum())
    cells = (
        *printed,
        *(f"{whole.r2:.3f}", str(whole.count), f"{found.p:.2g}", f"{corrected:.2g}", f"{found.p_bend:.2g}"),
        *(
            f"{whole.spearman:+.2f}",
            str(found.dropped),
            f"{found.trimmed.r2:.3f} (p {found.p_trimmed:.2g})",
            f"{found.across.r2:.3f}",
            left.text,
        ),
        *("-" if slope is None else f"{slope:.2g}", str(influential)),
    )
    numbers_ = (
        whole.r2,
        whole.count,
        found.p,
        corrected,
        found.p_bend,
        whole.spearman,
        found.dropped,
        found.trimmed.r2,
    )
    return cells, (*values, *numbers_, found.across.r2, *left.numbers, slope, influential)


def panel(found: Fitted | None, title: str, command: str = MADE_BY) -> Panel:
    """Points, curve and its 95 % band, by bootstrap over people."""
    axis = f"{title}, sd from the person's mean"
    if found is None:
        return Panel(x_title=axis, y_title="Sync share, from the person's mean", hole=command)
    rows, people = found.usable.rows, found.usable.people
    low, high = fits.band(list(rows["person"]), found.x, found.y, PLACES)
    dots = []
    for index, person in enumerate(people):
        own = (rows["person"] == person).to_numpy()
        texts = [f"{person}, {start:g} s" for start in rows["start"][own]]
        dots.append(
            Series(
                kind=POINTS,
                x=found.x[own].tolist(),
                y=found.y[own].tolist(),
                texts=texts,
                colour=colour(index),
                faint=True,
            )
        )
    places = PLACES.tolist()
    return Panel(
        x_title=axis,
        y_title="Sync share, from the person's mean",
        title=f"R2 = {found.whole.r2:.3f}, p = {found.p:.2g}, n = {found.whole.count}, {len(people)} people",
        series=(
            *dots,
            Series(kind=BAND, x=places, y=[], low=low.tolist(), high=high.tolist(), colour="#333333"),
            Series(kind=LINE, x=places, y=found.whole.at(PLACES).tolist(), colour="#333333"),
        ),
    )


def _influence(found: Fitted | None) -> Panel:
    """Cook's distance of each segment in the fit on D, and the mark above which it is called influential."""
    panel = Panel(x_title="D, sd from the person's mean", y_title="Cook's distance", title="Influence on the fit")
    if found is None:
        return replace(panel, hole=MADE_BY)
    rows, ends = found.usable.rows, [float(found.x.min()), float(found.x.max())]
    texts = [f"{person}, {start:g} s" for person, start in zip(rows["person"], rows["start"], strict=True)]
    dots = Series(kind=POINTS, x=found.x.tolist(), y=found.cook.tolist(), texts=texts, faint=True)
    mark = Series(kind=LINE, x=ends, y=[4 / found.whole.count] * 2, colour=PUBLISHED, name="4/n")
    return replace(panel, series=(dots, mark))
