"""The table of lips over training frames: sizes are of single heads, before any mean."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.table_training_lips import table
from experiments.priors import GRID, PEOPLE, WAYS


def test_sizes_are_of_single_heads_and_what_is_missing_is_seen() -> None:
    """Mute r of 0.4 and -0.4 on two segments: their mean is 0, the mean of their sizes 0.4."""
    person, way = next(iter(PEOPLE)), next(iter(WAYS))
    values = iter((0.4, -0.4, None))
    records: list[tuple[dict[str, str], dict[str, Any] | None]] = []
    for cell in GRID.cells:
        labels = {name: str(label) for name, label in cell.labels.items()}
        if (labels["person"], labels["way"]) == (person, way) and (mute := next(values)) is not None:
            numbers = {"spoken_r": 0.8, "mute_r": mute, "rigid_mouth_r": None}
            records.append((labels, {**numbers, "commit": "c" * 40}))
        else:
            records.append((labels, None))
    made = table(records)
    row = dict(zip(made.record_header, made.records[0], strict=True))
    assert (row["person"], row["way"], row["runs"]) == (person, way, 2)
    assert row["run_mute_r"] == pytest.approx(0.0)
    assert row["size_run_mute_r"] == pytest.approx(0.4)
    assert row["size_run_rigid_mouth_r"] is None
    assert made.rows[0][2] == "2 of 3"
    assert made.rows[1][3] == "missing"
