"""InsTaG's table of audio extractors, beside what drives our heads (experiments.lips)."""

from __future__ import annotations

from analysis import published
from analysis.artefact import Artefact, Ours, ours, theirs, with_ends
from analysis.sources import Sources
from analysis.tables import HOLE
from tfg.record.tabular import Table

WAYS = {
    "audio, logmel": "Log-mel features",
    "audio": "Whisper features",
    "lips+universal": "Whisper, lip motion with the universal prior",
    "lips+others": "Whisper, lip motion with a prior of everyone else",
}
SHOWN = (("run_gain_sync_share", 2), ("run_mouth_correlation", 3), ("run_psnr_face", 2))


def make(sources: Sources) -> Artefact:
    """The paper's rows, then ours."""
    found = sources.table("lips")
    rows: list[tuple[str, ...]] = [
        (number.row, theirs(number, 2), *["-"] * 3) for number in published.read("instag_extractors")
    ]
    records: list[tuple[object, ...]] = [
        (number.row, number.value, *[None] * 12) for number in published.read("instag_extractors")
    ]
    for way, title in WAYS.items():
        own = None if found is None else found[(found["way"] == way) & ~found["person"].str.contains("mean|minus")]
        cells = [Ours(text=HOLE) if own is None else ours(own[of].dropna().tolist(), digits) for of, digits in SHOWN]
        rows.append((title, "-", *(cell.text for cell in cells)))
        records.append((way, None, *(number for cell in cells for number in cell.numbers)))
    return Artefact(
        where="InsTaG, main table and supplement",
        said="Which features drive the head matters more to lips than the kind of head does.",
        table=Table(
            name="table_extractors",
            caption="Audio extractors",
            header=(
                "Features",
                "Sync-C (paper)",
                "Ours: share of the truth's sync",
                "Ours: mouth r",
                "Ours: PSNR face dB",
            ),
            rows=tuple(rows),
            record_header=(
                "features",
                "published_sync_c",
                *with_ends(*(of for of, _ in SHOWN)),
            ),
            records=tuple(records),
            notes=(
                "Ours: mean [95 % t interval] (people), 5 s, 128 px; AVE's weights are not here, so it has no row.",
            ),
        ),
        commands=("python -m experiments.lips", "python -m analysis.table_lips"),
    )
