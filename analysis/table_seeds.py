"""How much the seed of a training alone moves its scores. `python -m analysis.table_seeds` after `experiments.seeds`.

Writes analysis/data/measured/seeds.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import fmean, stdev

import pandas as pd

from analysis import script
from analysis.load import RUN
from analysis.tables import HOLE
from experiments.seeds import GRID, SEEDS, SEGMENTS
from tfg.record.tabular import Table

COLUMNS = (  # metric, title, digits
    ("mouth_correlation", "Mouth r", 3),
    ("closure_recall", "Closure recall", 3),
    ("mouth_amplitude", "Mouth amplitude", 3),
    ("psnr_face", "PSNR face dB", 2),
)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of the seeds of one segment that have the number."""

    mean: float
    deviation: float | None  # with n - 1; None of a single seed
    count: int


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each segment with mean and standard deviation over its seeds, then the mean of the deviations."""
    rows, records = [], []
    of_metric: dict[str, list[float]] = {metric: [] for metric, _, _ in COLUMNS}
    for segment in SEGMENTS:
        part = frame[frame["segment"] == segment]
        done = part["run_id"].dropna().nunique()
        cells, numbers = [], []
        for metric, _, digits in COLUMNS:
            found = _spread(part, metric)
            cells.append(_text(found, done, digits))
            numbers += [found and found.mean, found and found.deviation]
            if found is not None and found.deviation is not None:
                of_metric[metric].append(found.deviation)
        rows.append((segment, str(done) if done == len(SEEDS) else f"{done} of {len(SEEDS)}", *cells))
        records.append((segment, done, *numbers))
    means = [fmean(found) if found else None for found in of_metric.values()]
    printed = [
        "-" if mean is None else f"sd {mean:.{digits}f}" for mean, (*_, digits) in zip(means, COLUMNS, strict=True)
    ]
    done = frame["run_id"].dropna().nunique()
    rows.append(("mean of sd", "", *printed))
    records.append(("mean of sd", done, *(cell for mean in means for cell in (None, mean))))
    commits = ", ".join(sorted({str(commit)[:8] for commit in frame["commit"].dropna()}))
    return Table(
        name="seeds",
        caption="One segment, several trainings: how much the seed alone moves the scores",
        header=("Person, segment from", "Seeds", *(title for _, title, _ in COLUMNS)),
        rows=tuple(rows),
        record_header=("segment", "seeds", *(f"{metric}{part}" for metric, *_ in COLUMNS for part in ("", "_sd"))),
        records=tuple(records),
        notes=(
            f"Commit {commits}. InsTaG, 128 px, 5 s, lip motion with the universal prior; all of a row but the seed is the same.",
            "Mean over seeds, and sd, their standard deviation (n - 1). (k): of k seeds that have the number.",
        ),
    )


def _spread(part: pd.DataFrame, metric: str) -> Spread | None:
    chosen = part[(part["source"] == RUN) & (part["metric"] == metric)]
    known = [float(value) for value in chosen["value"].dropna()]
    if not known:
        return None
    return Spread(mean=fmean(known), deviation=stdev(known) if len(known) > 1 else None, count=len(known))


def _text(found: Spread | None, done: int, digits: int) -> str:
    if found is None:
        return "-" if done else HOLE
    deviation = "" if found.deviation is None else f", sd {found.deviation:.{digits}f}"
    return f"{found.mean:.{digits}f}{deviation}" + ("" if found.count == done else f" ({found.count})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
