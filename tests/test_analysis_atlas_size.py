"""Rank correlations between sizes: known ones, their interval, and holes."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis import table_atlas_size
from analysis.table_atlas_size import spearman
from experiments.atlas_size import GRID, SEGMENTS


def test_the_interval_is_that_of_bonett_and_wright() -> None:
    """Eight ranks with the first two exchanged: rho = 1 - 6 * 2 / (8 * 63) = 0.9762."""
    rho, low, high, count = spearman(list(range(8)), [1, 0, *range(2, 8)])
    assert (rho, count) == (pytest.approx(1 - 12 / 504), 8)
    reach = 1.959964 * math.sqrt((1 + (1 - 12 / 504) ** 2 / 2) / 5)
    assert low == pytest.approx(math.tanh(math.atanh(1 - 12 / 504) - reach))
    assert high == pytest.approx(math.tanh(math.atanh(1 - 12 / 504) + reach))


def test_too_few_or_equal_numbers_have_no_correlation_and_gaps_are_left_out() -> None:
    nan = float("nan")
    assert spearman([1, 2, 3], [1, 2, 3]) == (None, None, None, 3)
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4])[0] is None
    assert spearman([1, nan, 2, 3, 4], [1, 9, 2, 3, 4]) == (pytest.approx(1), None, None, 4)


def test_a_row_for_each_smaller_size_with_what_is_missing() -> None:
    rows = []
    starts = [cell.labels["start"] for cell in GRID.cells if cell.labels["size"] == 512]
    for cell in GRID.cells:
        size, start = cell.labels["size"], cell.labels["start"]
        if (size, start) == (128, starts[0]):
            continue
        place = starts.index(start)
        ranked = {512: place, 256: place, 128: -place}[int(size)]
        row = {
            "size": size,
            "start": start,
            "source": "run",
            "commit": "c" * 40,
            "metric": "psnr_face",
            "value": ranked,
        }
        rows.append(row)
    made = table_atlas_size.table(pd.DataFrame(rows))
    assert made.rows == (
        ("256 px", "1.00", "missing", "missing"),
        ("128 px", f"-1.00 ({SEGMENTS - 1})", "missing", "missing"),
    )
