"""The weights that ship: whose numbers they are of, and that the bench and a run read what the command writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sample_atlas import head, write

from analysis import learn_selector
from tfg.atlas import rule
from tfg.atlas.columns import ALL_FACES, NAMED
from tfg.cli import run

COLUMNS = ("logmel_pairs", "logmel_semantic_entropy", "voiced_share", "mc_lips_0.25_pooled_radial", "mc_camera_0.25")


def atlas(path: Path, people: dict[str, Callable[[dict[str, float]], float]], segments: int = 12) -> Path:
    """Heads whose sync and face follow a function of their columns, which are standard normal, and nothing else."""
    rng, rows = np.random.default_rng(0), []
    for name, quality in people.items():
        for place in range(segments):
            columns = dict(zip(COLUMNS, rng.standard_normal(len(COLUMNS)).tolist(), strict=True))
            value = quality(columns)
            kind = "synthetic" if name.startswith("s") else "real"
            rows.append(head(name, 5.0 * place, kind=kind, gain_sync_share=value, psnr_face=30 + value, **columns))
    return write(path, rows)


def follows(column: str, sign: float = 1) -> Callable[[dict[str, float]], float]:
    return lambda columns: sign * columns[column]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """Whoever may be published follows speech, the others the opposite; the YAML of it."""
    people = {name: follows("voiced_share") for name in ("s0", "s1", "grid")}
    people |= {name: follows("voiced_share", -1) for name in ("p01", "p02", "p03", "p04")}
    table, out = atlas(tmp_path / "atlas.csv", people), tmp_path / "linear.yaml"
    assert learn_selector.main(["--atlas", str(table), "-o", str(out)]) == 0
    return table, out


def test_only_synthetic_people_and_grid_are_learned_from(made: tuple[Path, Path]) -> None:
    """With the four others, who go the other way and are more, the weight would be below 0."""
    found = rule.read(str(made[1]))
    assert found.learned_from == ("s0", "s1", "grid")
    assert found.terms["voiced_share"] > 0.7
    assert max(abs(weight) for column, weight in found.terms.items() if column != "voiced_share") < 0.2


def test_the_yaml_says_command_rows_and_skill(made: tuple[Path, Path]) -> None:
    text = made[1].read_text()
    assert "python -m analysis.learn_selector" in text
    assert "s0 (12 segments, 1 seed), s1 (12 segments, 1 seed), grid (12 segments, 1 seed)" in text
    assert "Weights of 3 people; r with the mean of gain_sync_share and psnr_face on a person left out +1.00" in text
    assert "INTERIM" in text  # the grid asks for 30 segments of s0


def test_the_bench_judges_it_on_all_others(made: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    table, out = made
    assert run(["bench", str(out), "--atlas", str(table)]) == 0
    assert "linear: not judged on s0, s1, grid" in capsys.readouterr().out


def test_too_few_people_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = atlas(tmp_path / "atlas.csv", {name: follows("voiced_share") for name in ("s0", "p01", "p02")})
    out = tmp_path / "linear.yaml"
    assert learn_selector.main(["--atlas", str(table), "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "two people or more" in error
    assert not out.exists()


def test_the_recipe_needs_no_more_than_isexplore_may_see() -> None:
    recipe = rule.read(learn_selector.RECIPE)
    assert recipe.columns == COLUMNS
    assert all(NAMED[column].reads != ALL_FACES for column in recipe.columns)


def test_the_shipped_yaml_is_of_published_people_alone() -> None:
    shipped: Any = rule.read(str(Path(__file__).parents[1] / "conf" / "selector" / "linear.yaml"))
    assert set(shipped.learned_from) <= {"s0", "s1", "s2", "s3", "grid"}
    assert shipped.kind == rule.LINEAR
