"""Whether small pictures rank segments as large ones do. `python -m analysis.table_atlas_size` after `experiments.atlas_size`.

Writes analysis/data/measured/atlas_size.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis import script
from analysis.load import RUN
from analysis.tables import HOLE
from experiments.atlas_size import GRID, PERSON, SEGMENTS, SIZES
from tfg.record.tabular import Table

METRICS = {"psnr_face": "PSNR face", "mouth_correlation": "Mouth r", "gain_sync_share": "Share of the truth's sync"}
LARGE, *SMALLER = SIZES
FEWEST = 4  # segments: below it the interval is everything


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """A row for each smaller size: its rank correlation with the largest, of each metric."""
    values = {(size, metric): _of_segments(frame, size, metric) for size in SIZES for metric in METRICS}
    rows, records = [], []
    for size in SMALLER:
        found = [spearman(values[size, metric], values[LARGE, metric]) for metric in METRICS]
        rows.append((f"{size} px", *(_text(*one) for one in found)))
        records.append((size, *(number for one in found for number in one)))
    commits = ", ".join(sorted({str(commit)[:8] for commit in frame["commit"].dropna()}))
    return Table(
        name="atlas_size",
        caption=f"Segments ranked at smaller sizes and at {LARGE} px",
        header=("Pictures", *METRICS.values()),
        rows=tuple(rows),
        record_header=(
            "size",
            *(f"{metric}_{part}" for metric in METRICS for part in ("rho", "low", "high", "segments")),
        ),
        records=tuple(records),
        notes=(
            f"Commit {commits}. InsTaG, 5 s, {SEGMENTS} segments of {PERSON} on an even grid, one seed.",
            f"Spearman's rho with {LARGE} px over segments; brackets: 95 % interval by Fisher's z with the error of Bonett and Wright "
            "(2000). It holds for segments of this one person, which overlap. (k): over k segments with the number.",
        ),
    )


def spearman(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, float | None, float | None, int]:
    """rho, its 95 % interval (standard error of z: sqrt((1 + rho^2 / 2) / (n - 3)), Bonett and Wright 2000), and n.

    NaN in either leaves a segment out; None where there are fewer than FEWEST, or where one side does not vary.
    """
    pair = np.array([first, second], np.float64)
    known = pair[:, np.isfinite(pair).all(axis=0)]
    count = known.shape[1]
    if count < FEWEST or (np.ptp(known, axis=1) == 0).any():
        return None, None, None, count
    rho = float(stats.spearmanr(known[0], known[1]).statistic)
    if abs(rho) > 1 - 1e-12:
        return rho, None, None, count  # z is infinite
    reach = float(stats.norm.ppf(0.975)) * np.sqrt((1 + rho**2 / 2) / (count - 3))
    return rho, float(np.tanh(np.arctanh(rho) - reach)), float(np.tanh(np.arctanh(rho) + reach)), count


def _of_segments(frame: pd.DataFrame, size: int, metric: str) -> list[float]:
    """By start; NaN where there is no run or no number."""
    part = frame[(frame["size"] == size) & (frame["source"] == RUN) & (frame["metric"] == metric)]
    by_start = dict(zip(part["start"], part["value"], strict=True))
    starts = sorted({cell.labels["start"] for cell in GRID.cells})
    return [float(by_start.get(start, float("nan"))) for start in starts]


def _text(rho: float | None, low: float | None, high: float | None, count: int) -> str:
    if rho is None:
        return "-" if count else HOLE
    interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
    return f"{rho:.2f}{interval}" + ("" if count == SEGMENTS else f" ({count})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
