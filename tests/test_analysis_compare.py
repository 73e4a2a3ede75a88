"""Two values of a grid's axis: table, holes, and the mixed model on data of known variances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from result_records import result, write

from analysis import compare
from analysis.load import IncompleteGrid
from analysis.mixed import fit_frame
from experiments.grid import Cell, Grid
from experiments.ledger import write_ledger

DRAWN = [("isexplore", 0), ("random", 0), ("random", 1), ("random", 2)]
SMALL = Grid(
    name="ablation",
    cells=tuple(Cell(labels={"selector": selector, "seed": seed}, overrides=()) for selector, seed in DRAWN),
)


def results(folder):
    names: dict[str, str | None] = {}
    for number, cell in enumerate(SMALL.cells):
        selector, seed = str(cell.labels["selector"]), int(cell.labels["seed"])
        names[cell.title] = f"{selector}-{seed}"
        config = {"selector": {"name": selector}, "seed": seed, "clip": {}}
        write(folder, result(f"{selector}-{seed}", config=config, psnr=20.0 + number))
    write_ledger(folder, SMALL, names)


def test_a_selector_of_one_seed_is_not_tested_against_the_mean_of_three(tmp_path):
    results(tmp_path)
    groups = compare.grouped(SMALL, tmp_path, "selector", ("isexplore", "random"))
    assert [len(group) for group in groups] == [1, 3]
    made = compare.table("ablation", "selector", ("isexplore", "random"), groups, None)
    row = next(row for row in made.rows if row[0] == "PSNR face dB")
    assert row[2:] == ("-", "-")
    assert any("one draw has no spread" in note for note in made.notes)
    assert any(note.endswith("no weights: LPIPS.") for note in made.notes)


def test_a_value_without_runs_is_named(tmp_path):
    results(tmp_path)
    with pytest.raises(IncompleteGrid, match="selector=camera"):
        compare.grouped(SMALL, tmp_path, "selector", ("camera", "random"))


def made_data(persons, segments, seeds, spreads, *, shared=True):
    """Known standard deviations of person, segment, seed, effect by person and residual; true difference 0.5."""
    rng = np.random.default_rng(0)
    rows = []
    for person in range(persons):
        of_person, effect = rng.normal(0, spreads[0]), rng.normal(0.5, spreads[3])
        for segment in range(segments):
            of_segment = rng.normal(0, spreads[1])
            for seed in range(seeds):
                base = of_person + of_segment + rng.normal(0, spreads[2])
                for selector, sign in (("isexplore", 0.5), ("random", -0.5)):
                    place = f"{segment}" if shared else f"{selector}-{segment}"
                    value = base + sign * effect + rng.normal(0, spreads[4])
                    rows.append((person, place, seed, selector, value))
    return pd.DataFrame(rows, columns=["person", "segment", "seed", "selector", "value"])


def test_the_mixed_model_finds_known_variances():
    found = fit_frame(made_data(30, 2, 2, (2.0, 1.0, 0.5, 0.3, 0.2)), "isexplore")
    expected = {"person": 4.0, "segment": 1.0, "seed": 0.25, "effect": 0.09, "residual": 0.04}
    assert found.variances.keys() == expected.keys()
    for level, variance in expected.items():
        assert found.variances[level] == pytest.approx(variance, rel=0.6), level  # 30 persons: a variance to +-26 %
    assert found.low < 0.5 < found.high
    assert found.count == 240


def test_the_mixed_model_says_what_it_averages():
    one_each = fit_frame(made_data(12, 1, 1, (2.0, 0.0, 0.0, 0.0, 0.2)), "isexplore")
    assert set(one_each.variances) == {"person", "residual"}
    assert "one segment and one seed each" in one_each.statement
    own = fit_frame(made_data(12, 1, 2, (2.0, 0.0, 0.5, 0.0, 0.2), shared=False), "isexplore")
    assert "selection variance is in the residual" in own.statement
    assert set(own.variances) == {"person", "seed", "effect", "residual"}
    with pytest.raises(IncompleteGrid, match="2 persons"):
        fit_frame(made_data(2, 1, 2, (1.0, 0.0, 0.5, 0.0, 0.2)), "isexplore")
