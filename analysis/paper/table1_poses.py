"""Table 1: the same sound with 5, 10, 20 and 50 camera poses."""

from __future__ import annotations

from analysis import published
from analysis.artefact import Artefact, ours, theirs, with_ends
from analysis.figures import WHISKERS, Figure, Panel, Series
from analysis.heads import SYNC
from analysis.sources import Sources
from analysis.tables import Table

MADE_BY = "python -m experiments.poses"
POSES = (5, 10, 20, 50)
SHOWN = ((SYNC, "Share of the truth's sync", 2), ("mouth_correlation", "Mouth r", 3), ("psnr_face", "PSNR face dB", 2))


def make(sources: Sources) -> Artefact:
    """A row for each number of poses."""
    paper = published.lookup("table1")
    rows, records, shares = [], [], []
    for poses in POSES:
        own = sources.poses[sources.poses["poses"] == poses]
        cells, record = [], []
        for column, _, digits in SHOWN:
            text, numbers = ours(own.dropna(subset=[column]).groupby("person")[column].mean().tolist(), digits)
            cells.append(text)
            record += numbers
        shares.append(record[:4])
        printed = [paper[f"{poses} poses", measure] for measure in ("sync_c", "sync_d")]
        rows.append((str(poses), *(theirs(number, 2) for number in printed), *cells))
        records.append((poses, *(number.value for number in printed), *record))
    whole = [(poses, *share[:3]) for poses, share in zip(POSES, shares, strict=True) if None not in share[:3]]
    axes = {"x_title": "Poses in the segment", "y_title": "Share of the truth's sync"}
    x, y, low, high = (list(of) for of in zip(*whole, strict=True)) if whole else ([], [], [], [])
    series = Series(kind=WHISKERS, x=[str(poses) for poses in x], y=y, low=low, high=high)
    return Artefact(
        where="ISExplore, Table 1",
        said="One synthetic person says the same in every row; the head visits more and more poses.",
        table=Table(
            name="table1_poses",
            caption="More camera poses at the same sound",
            header=("Poses", "Sync-C (paper)", "Sync-D (paper)", *(title for _, title, _ in SHOWN)),
            rows=tuple(rows),
            record_header=(
                "poses",
                "published_sync_c",
                "published_sync_d",
                *with_ends(*(column for column, _, _ in SHOWN)),
            ),
            records=tuple(records),
            notes=("Ours: mean [95 % t interval] (people). The paper's Sync-D is not monotone in the poses.",),
        ),
        figure=Figure(panels=(Panel(**axes, series=(series,)) if whole else Panel(**axes, hole=MADE_BY),), columns=1),
        commands=(MADE_BY, "python -m analysis.rows poses"),
    )
