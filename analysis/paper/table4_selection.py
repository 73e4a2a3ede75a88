"""Table 4: what each part of the selection contributes, by looking up in the atlas the head that each selector chooses."""

from __future__ import annotations

from analysis import published
from analysis.artefact import Artefact, ours, theirs, with_ends
from analysis.heads import COMMANDS, SYNC, Segments, chosen, segments
from analysis.sources import Sources
from analysis.vocabulary import SELECTORS, printed
from tfg.record.tabular import Table

ROWS = ("random", "first", "audio", "lip", "camera", "lip_camera", "isexplore")
BEST = "best"  # of all segments of the atlas, which no selector knows
SCORES = (
    (SYNC, "share of the truth's sync", 2),
    ("sync_c", "Sync-C", 2),
    ("mouth_correlation", "mouth r", 3),
    ("psnr_face", "PSNR face dB", 2),
)


def make(sources: Sources) -> Artefact:
    """A row for each selector; random is the mean over all segments, which is its exact expectation."""
    paper = published.lookup("table4")
    found = segments(sources.atlas)
    rows, records = [], []
    for tag in (*ROWS, BEST):
        name = "Best of all" if tag == BEST else printed(SELECTORS, tag)
        numbers = [paper.get((name, measure)) for measure in ("sync_c", "sync_d", "selection")]
        left = [
            "-" if number is None else theirs(number, 2 if index < 2 else 1) for index, number in enumerate(numbers)
        ]
        cells = [ours(list(scores(found, tag, column).values()), digits) for column, _, digits in SCORES]
        cells.append(ours(list(percentiles(found, tag).values()), 0))
        rows.append((name, *left, *(cell.text for cell in cells)))
        values = [None if number is None else number.value for number in numbers]
        records.append((tag, *values, *(number for cell in cells for number in cell.numbers)))
    return Artefact(
        where="ISExplore, Table 4",
        said="Each selector chooses among the atlas's segments of each person; nothing is trained for it.",
        table=Table(
            name="table4_selection",
            caption="Selectors by lookup in the atlas (InsTaG, 5 s)",
            header=(
                "Selector",
                "Sync-C (paper)",
                "Sync-D (paper)",
                "Minutes (paper)",
                *(f"Ours: {title}" for _, title, _ in SCORES),
                "Ours: percentile of sync",
            ),
            rows=tuple(rows),
            record_header=(
                "selector",
                "published_sync_c",
                "published_sync_d",
                "published_minutes",
                *with_ends(*(of[0] for of in SCORES), "percentile"),
            ),
            records=tuple(records),
            notes=(
                "Ours: mean [95 % t interval] (people). Percentile: share of the person's segments whose sync is lower, ties by half.",
                "The single runs of `experiments.ablation` on one clip: analysis/data/measured/table_ablation.md.",
                *found.left_out,
            ),
        ),
        commands=COMMANDS,
    )


def scores(found: Segments, tag: str, column: str) -> dict[str, float]:
    """Person -> score of the head that the selector chooses."""
    usable = found.of(column)
    if tag == "random":
        return usable.means(column)
    if tag == BEST:  # by sync, as all of its row
        by_sync = usable.of(SYNC).rows
        return {
            str(name): float(own.loc[own[SYNC].idxmax(), column]) for name, own in by_sync.groupby("person", sort=False)
        }
    return {person: float(row[column]) for person, row in chosen(usable, tag).items()}


def percentiles(found: Segments, tag: str) -> dict[str, float]:
    """Person -> 0 to 100; random's is 50 by definition."""
    usable = found.of(SYNC)
    if tag == "random":
        return dict.fromkeys(usable.people, 50.0)
    picked = scores(found, tag, SYNC)
    result = {}
    for person, value in picked.items():
        own = usable.rows.loc[usable.rows["person"] == person, SYNC]
        others = len(own) - 1
        if others:
            result[person] = float(100 * ((own < value).sum() + ((own == value).sum() - 1) / 2) / others)
    return result
