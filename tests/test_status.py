"""`tfg status`: the state of every run from files alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from result_records import result, write

from tfg import cli, progress
from tfg.record import claims, standing
from tfg.record.results import write_failure


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A sweep of five runs: one done, one at work, one failed, one interrupted, one that has not begun."""
    folder = tmp_path / "results"
    write(folder, result("done", config={"seed": 0, "clip": {}}, psnr=20.0))
    standing.expect(folder, ["done", "works", "failed", "interrupted", "waits"])
    write_failure(folder / "failed", stage="training", message="no space left", trace="", user=True)
    (folder / "interrupted").mkdir()
    (folder / "interrupted" / "config.yaml").touch()
    (folder / "works").mkdir()
    return folder


def said(results: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert cli.run(["status", str(results), *options]) == 0
    return capsys.readouterr().out


def test_every_run_is_in_one_state_and_says_why(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        claims.taken(results / "works" / claims.NAME),
        standing.noted(results / "works"),
        progress.progress("training", 100, "steps") as advance,
    ):
        progress.stage("training")
        (follower,) = progress._followers
        follower._next = 0.0  # type: ignore[attr-defined]
        advance(60, lambda: "face loss 0.1")
        text = said(results, capsys)
    first, *others = text.splitlines()
    assert first.startswith(f"{results}: 1 of 5 runs done, 1 running, 1 waiting, 1 failed, 1 interrupted")
    assert "about" in first
    running = next(line for line in others if line.startswith("  running  works: training, 60 of 100 steps, "))
    assert f"face loss 0.1, for 0:00 by {claims.this_process().text()}" in running
    assert "  failed  failed: in training: no space left" in others
    assert "  interrupted  interrupted" in others
    assert not (results / "works" / standing.NAME).exists()


def test_json_has_every_run(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(results, capsys, "--json"))
    assert {run["run"]: run["state"] for run in found["runs"]} == {
        "done": "done",
        "works": "interrupted",  # its folder is there, nobody works on it
        "failed": "failed",
        "interrupted": "interrupted",
        "waits": "waiting",
    }
    assert (found["done"], found["waiting"]) == (1, 1)
    assert found["seconds_left"] == pytest.approx(_seconds(results / "done"))


def test_a_killed_owner_is_not_running(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / "works" / claims.NAME
    path.touch()
    gone = subprocess.Popen(["true"])
    gone.wait()
    record = {**vars(claims.this_process()), "pid": gone.pid}
    claims.owner_path(path).write_text(json.dumps(record))
    assert "  interrupted  works" in said(results, capsys)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status", str(tmp_path / "no")]) == 2
    assert capsys.readouterr().err == f"tfg: {tmp_path / 'no'}: no such folder; give the results folder of a sweep\n"


def test_the_same_sweep_announces_itself_once(tmp_path: Path) -> None:
    assert standing.expect(tmp_path, ["a", "b"]) == standing.expect(tmp_path, ["b", "a"])
    (tmp_path / standing.SWEEPS / "cells-0.json").write_text("{")
    assert standing.expected(tmp_path) == ["b", "a"]


def test_who_only_notes_how_far_a_run_is_is_given_no_pictures(tmp_path: Path) -> None:
    with standing.noted(tmp_path):
        assert progress.followers() == ()


def _seconds(run: Path) -> float:
    return sum(stage["seconds"] for stage in json.loads((run / "result.json").read_text())["stages"].values())
