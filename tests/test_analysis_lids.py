"""The table of lids: the same cells of two versions, by the eyes of every frame."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.load import IncompleteGrid
from analysis.table_lids import BEFORE, NOW, lids_of, main, table
from experiments.priors import PEOPLE, WAYS

TRUE = np.tile([0.3, 0.3, 0.1, 0.3], 10)


def eyes(openness: np.ndarray, rate: float) -> dict[str, Any]:
    return {"blink_rate": {"value": rate, "per_frame": [float(value) for value in openness]}}


def result(openness: np.ndarray, rate: float) -> Any:
    return SimpleNamespace(metrics=eyes(openness, rate), truth=eyes(TRUE, 20.0), commit="c" * 40)


def test_lids_are_compared_where_the_truth_blinks() -> None:
    half = lids_of(eyes((TRUE + 0.3) / 2, 0.0), eyes(TRUE, 20.0))
    assert half == {"lid_r": pytest.approx(1.0), "lid_amplitude": pytest.approx(0.5), "awake": 1.0}
    assert lids_of(eyes(TRUE, 20.0), eyes(TRUE, 0.0)) == {}
    still = lids_of(eyes(np.full(40, 0.3), 0.0), eyes(TRUE, 20.0))
    assert np.isnan(still["lid_r"])


def test_cells_that_one_version_lacks_are_left_out_of_both() -> None:
    person, other = list(PEOPLE)[:2]
    way = next(iter(WAYS))
    before = {
        (person, "isexplore", way): result((TRUE + 0.3) / 2, 0.0),
        (other, "isexplore", way): result(TRUE, 20.0),
    }
    made = table(before, {(person, "isexplore", way): result(TRUE, 20.0)})
    rows = {cells[:2]: dict(zip(made.header, cells, strict=True)) for cells in made.rows}
    assert rows[f"{way}: {person}", BEFORE]["Lid amplitude"] == "0.50"
    assert rows[f"{way}: {person}", NOW]["Lid amplitude"] == "1.00"
    assert rows[f"{way}: mean", BEFORE]["Runs"] == "1"
    assert (f"{way}: {other}", BEFORE) not in rows
    with pytest.raises(IncompleteGrid, match="no cell in common"):
        table(before, {})


def test_the_version_before_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--results", "here"]) == 1
    assert "give --before FOLDER" in capsys.readouterr().err
