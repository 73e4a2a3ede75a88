"""Facts of grids and their launcher, on a run.py that only writes a result or fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from result_records import SCORES, result, write

from experiments import launch
from experiments.ablation import GRID
from experiments.grid import Cell, Grid, cells
from experiments.launch import Planned
from experiments.ledger import read_ledger

SWITCHES = {
    "lpips": False,
    "listener": False,
    "syncnet": False,
    "identity": False,
    "fid": False,
    "controls": False,
}
TORSO = {"field": False, "nodes": 2, "steps": 1, "lr": 0.1, "filling": 0.0, "folds": 2}
FAKE_RUN = """
import json, pathlib, sys
sys.path[:0] = {paths!r}
from result_records import result, write
settings = dict(text.split("=", 1) for text in sys.argv[1:])
with open({started!r}, "a") as file:
    file.write(settings["seed"] + "\\n")
if settings["seed"] == "1":
    sys.exit("seed 1 is cursed")
config = {{"seed": int(settings["seed"]), "clip": {{}}}}
import shutil
shutil.rmtree(pathlib.Path({results!r}) / ("run" + settings["seed"]), ignore_errors=True)
shutil.rmtree(pathlib.Path({results!r}) / "heads" / ("head-of-run" + settings["seed"]), ignore_errors=True)
write(pathlib.Path({results!r}), result("run" + settings["seed"], config=config, psnr=20.0))
"""


def grid(seeds: tuple[int, ...] = (0, 1, 2)) -> Grid:
    return Grid(name="test", cells=tuple(cells({"seed": seeds})))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose run.py is fake and whose configuration is the seed alone."""
    tests = Path(__file__).parent
    text = FAKE_RUN.format(
        paths=[str(tests), str(tests.parent)], started=str(tmp_path / "started"), results=str(tmp_path / "results")
    )
    (tmp_path / "run.py").write_text(text)

    def plan(wanted: Grid) -> list[Planned]:
        return [
            Planned(
                cell=cell,
                overrides=cell.overrides,
                config=OmegaConf.create({"results": str(tmp_path / "results"), "metrics": SWITCHES, "torso": TORSO}),
                folder=tmp_path / "results" / f"run{cell.labels['seed']}",
            )
            for cell in wanted.cells
        ]

    monkeypatch.setattr("tfg.heads.scores_name", lambda switches, torso: SCORES)
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    monkeypatch.setattr(launch, "plan", plan)
    return tmp_path


def started(world: Path) -> list[str]:
    return (world / "started").read_text().split() if (world / "started").exists() else []


def test_cells_are_every_combination_with_the_last_axis_fastest() -> None:
    made = cells({"selector": ("audio", "lip"), "seed": (0, 1)}, ("seconds=5",))
    assert [cell.title for cell in made] == [
        "selector=audio seed=0",
        "selector=audio seed=1",
        "selector=lip seed=0",
        "selector=lip seed=1",
    ]
    assert made[1].overrides == ("seconds=5", "selector=audio", "seed=1")


def test_a_grid_refuses_two_cells_of_one_name() -> None:
    cell = Cell(labels={"seed": 0}, overrides=("seed=0",))
    with pytest.raises(ValueError, match="two cells are called seed=0"):
        Grid(name="test", cells=(cell, cell))


def test_the_ablation_has_the_rows_of_table_4_and_three_random_draws() -> None:
    drawn = [(cell.labels["selector"], cell.labels["seed"]) for cell in GRID.cells]
    assert drawn == [
        *(("random", seed) for seed in (0, 1, 2)),
        *(("isexplore", seed) for seed in (0, 1)),
        *((name, 0) for name in ("first", "audio", "camera", "lip", "lip_camera")),
    ]
    assert all({"clip=embedded", "backbone=instag", "seconds=5.0"} <= set(cell.overrides) for cell in GRID.cells)


def test_every_cell_of_the_ablation_composes_to_what_its_labels_say() -> None:
    for planned in launch.plan(GRID):
        assert planned.config["selector"]["name"] == planned.cell.labels["selector"]
        assert planned.config["seed"] == planned.cell.labels["seed"]
        assert planned.config["backbone"]["name"] == "instag"
        assert planned.config["group"] == "ablation"


def test_a_failed_run_stops_no_other_and_is_named_at_the_end(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(grid(), []) == 1
    assert started(world) == ["0", "1", "2"]
    message = capsys.readouterr().err
    assert "test: 0 of 3 cells are done, 3 to run" in message
    assert "FAILED seed=1: exit code 1, seed 1 is cursed" in message
    assert [run_id for _, run_id in read_ledger(world / "results", "test")] == ["run0", None, "run2"]


def test_a_second_launch_runs_only_what_is_missing(world: Path) -> None:
    launch.main(grid((0, 1)), [])
    (world / "started").unlink()
    assert launch.main(grid((0, 1, 2)), ["--jobs", "2"]) == 1
    assert sorted(started(world)) == ["1", "2"]
    (world / "started").unlink()
    assert launch.main(grid((0, 2)), []) == 0
    assert started(world) == []


def test_known_cells_are_not_run(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = grid((0, 2))
    known = {asked.cells[0].title}
    assert launch.main(asked, ["--dry-run"], known) == 0
    assert capsys.readouterr().out.split() == ["seed=0", "known", "seed=2", "missing"]
    assert launch.main(asked, [], known) == 0
    assert started(world) == ["2"]
    assert [run_id for _, run_id in read_ledger(world / "results", "test")] == [None, "run2"]


def test_dry_run_runs_nothing(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(grid(), ["--dry-run"]) == 0
    assert started(world) == []
    assert capsys.readouterr().out.count("missing") == 3


def test_the_ledger_is_plain_json(world: Path) -> None:
    launch.main(grid((0,)), ["extra=1"])
    record = json.loads((world / "results" / "grids" / "test.json").read_text())
    assert record == {
        "grid": "test",
        "cells": [{"labels": {"seed": 0}, "overrides": ["seed=0", "extra=1"], "run_id": "run0"}],
    }


def test_a_killed_grid_leaves_a_ledger_of_what_is_done(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = launch._run

    def killed(planned: Planned, logs: Path, jobs: int) -> launch.Ended:
        if planned.cell.labels["seed"] == 2:
            raise KeyboardInterrupt
        return whole(planned, logs, jobs)

    monkeypatch.setattr(launch, "_run", killed)
    with pytest.raises(KeyboardInterrupt):
        launch.main(grid((0, 2)), [])
    assert [run_id for _, run_id in read_ledger(world / "results", "test")] == ["run0", None]


def test_jobs_below_one_is_a_mistake_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(grid(), ["--jobs", "0"]) == 2
    assert capsys.readouterr().err == "tfg: --jobs 0: give 1 or more\n"


def test_a_changed_default_is_another_run_and_another_folder_of_results_is_not() -> None:
    def folder(*changed: str) -> Path:
        (made,) = launch.plan(Grid(name="test", cells=(Cell(labels={"cell": 0}, overrides=changed),)))
        return made.folder

    base = folder("trainer=cpu")
    assert folder("trainer=cpu", "backbone.sh_degree=0").name != base.name
    assert folder("trainer=cpu", "results=there") == Path("there") / base.name


def test_a_record_that_cannot_be_read_is_named_and_its_run_done_again(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(world / "results", result("run0", config={"seed": 0, "clip": {}}, psnr=20.0))
    (folder / "result.json").write_text("{")
    assert launch.main(grid((0,)), []) == 0
    assert started(world) == ["0"]
    assert f"{folder / 'result.json'}: not a readable record" in capsys.readouterr().err


def test_a_result_of_other_metrics_or_older_weights_is_missing_until_it_is_scored_anew(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch.main(grid((0,)), [])
    monkeypatch.setattr("tfg.heads.scores_name", lambda switches, torso: "scores-other.json")
    assert launch.main(grid((0,)), []) == 1
    assert started(world) == ["0", "0"]
    assert "test: 0 of 1 cells are done, 1 to run" in capsys.readouterr().err


def test_the_metrics_of_a_cell_decide_whether_it_is_done(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = []
    monkeypatch.setattr("tfg.heads.scores_name", lambda switches, torso: wanted.append(switches) or SCORES)
    launch.main(grid((0,)), [])
    assert wanted == [SWITCHES]


def test_runs_whose_scores_are_of_another_commit_are_warned_of(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(world / "results", result("run0", config={}, psnr=20.0, commit="a" * 40))
    scores = folder.parent / "heads" / "head-of-run0" / SCORES
    scores.write_text(scores.read_text().replace("a" * 40, "b" * 40))
    assert launch.main(grid((0,)), []) == 0
    assert "results come from 2 commits (aaaaaaaa, bbbbbbbb)" in capsys.readouterr().err


def test_a_cell_is_run_without_the_estimate_of_its_time_unless_it_asks_for_it() -> None:
    asked = [("trainer=cpu",), ("trainer=cpu", "estimate=true")]
    planned = launch.plan(
        Grid(name="test", cells=tuple(Cell(labels={"n": n}, overrides=o) for n, o in enumerate(asked)))
    )
    assert [one.config.estimate for one in planned] == [False, True]
