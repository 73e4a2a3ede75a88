"""Table 1: the same sound with 5, 10, 20 and 50 camera poses."""

from __future__ import annotations

from analysis import published
from analysis.artefact import Artefact, Ours, ours, theirs, whiskers, with_ends
from analysis.figures import Figure, Panel
from analysis.heads import SYNC
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

MADE_BY = "python -m experiments.poses"
POSES = (5, 10, 20, 50)
SHOWN = ((SYNC, "Share of the truth's sync", 2), ("mouth_correlation", "Mouth r", 3), ("psnr_face", "PSNR face dB", 2))


def make(sources: Sources) -> Artefact:
    """A row for each number of poses."""
    paper = published.lookup("table1")
    rows, records, shares = [], [], []
    of_people = sources.poses.dropna(subset=[SYNC]).groupby(["person", "poses"])[SYNC].mean().unstack()
    for poses in POSES:
        own = sources.poses[sources.poses["poses"] == poses]
        cells = [
            ours(own.dropna(subset=[column]).groupby("person")[column].mean().tolist(), digits)
            for column, _, digits in SHOWN
        ]
        shares.append(
            (
                str(poses),
                ours((of_people[poses] - of_people[5]).dropna().tolist(), 3)
                if {5, poses} <= set(of_people)
                else Ours(text=HOLE),
            )
        )
        printed = [paper[f"{poses} poses", measure] for measure in ("sync_c", "sync_d")]
        rows.append((str(poses), *(theirs(number, 2) for number in printed), *(cell.text for cell in cells)))
        numbers = [number for cell in cells for number in cell.numbers]
        records.append((poses, *(number.value for number in printed), *numbers))
    panel = Panel(x_title="Poses in the segment", y_title="Share of the truth's sync, minus with 5", hole=MADE_BY)
    return Artefact(
        where="ISExplore, Table 1",
        said="One synthetic person says the same in every row; the head visits more and more poses. The figure is paired by person.",
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
        figure=Figure(panels=(whiskers(shares, panel),), columns=1),
        commands=(MADE_BY, "python -m analysis.rows poses"),
    )
