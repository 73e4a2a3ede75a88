"""`tfg status`: the state of every run from files alone."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from result_records import CONFIG, result, write

from tfg import cli, progress
from tfg.record import claims, kinds, standing
from tfg.record.results import write_failure


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A sweep of five runs: one done, one at work, one failed, one interrupted, one that has not begun."""
    folder = tmp_path / "results"
    write(folder, result("done", config={"seed": 0, "clip": {}}, psnr=20.0))
    standing.expect(folder, dict.fromkeys(["done", "works", "failed", "interrupted", "waits"], ""))
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


def test_a_run_whose_result_cannot_be_read_is_damaged_and_not_done(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = results / "done" / "result.json"
    cut.write_bytes(cut.read_bytes()[:300])
    first, *others = said(results, capsys).splitlines()
    assert first.startswith(f"{results}: 0 of 5 runs done, 1 waiting, 1 failed, 1 damaged, 2 interrupted")
    (line,) = (line for line in others if line.startswith("  damaged  done: "))
    assert f"{cut}: not a readable record (" in line
    assert others[-1].endswith("and makes what is damaged anew")
    with claims.taken(results / "done" / claims.NAME):
        assert "  running  done: starting" in said(results, capsys)


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
    assert standing.expect(tmp_path, {"a": "1", "b": "2"}) == standing.expect(tmp_path, {"b": "2", "a": "1"})
    (tmp_path / standing.SWEEPS / "cells-0.json").write_text("{")
    assert list(standing.expected(tmp_path).items()) == [("b", "2"), ("a", "1")]


def test_a_list_of_runs_without_kinds_is_read_and_a_name_that_leads_elsewhere_is_not(tmp_path: Path) -> None:
    folder = tmp_path / standing.SWEEPS
    folder.mkdir()
    (folder / "cells-0.json").write_text(json.dumps({"runs": ["a", "../b", "/etc", "..", ".hidden", "", "a" * 300]}))
    assert standing.expected(tmp_path) == {"a": ""}


def test_time_left_follows_from_runs_of_the_kind_that_waits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large, other = ({"clip": {"size": size}, "seed": size} for size in (128, 512, 256))
    runs = (("small", small, 60.0), ("large", large, 600.0), ("larger", large, 800.0))
    for name, config, seconds in runs:
        stages = {"training": {"seconds": seconds, "processor_seconds": 90.0, "peak_mb": 500, "frames": 125}}
        write(tmp_path, replace(result(name, config=config, psnr=20.0), stages=stages))
    kind = kinds.kind_of(CONFIG | large).digest
    standing.expect(tmp_path, {"one": kind, "two": kind})
    (line,) = said(tmp_path, capsys).splitlines()
    assert line.endswith("2 waiting; about 23:20 left, by 2 finished runs of the same kind (instag, 512 px, 5 s)")
    standing.expect(tmp_path, {"three": kinds.kind_of(CONFIG | other).digest})
    (line,) = said(tmp_path, capsys).splitlines()
    assert line.endswith(
        "about 31:27 left, by 2 finished runs of the same kind (instag, 512 px, 5 s), "
        "and by 3 finished runs of any kind for the other 1"
    )


def test_time_left_by_runs_of_another_kind_says_so(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *_ = said(results, capsys).splitlines()
    assert first.endswith("left, by 1 finished run, none of which is known to be of the same kind")


def test_who_only_notes_how_far_a_run_is_is_given_no_pictures(tmp_path: Path) -> None:
    with standing.noted(tmp_path):
        assert progress.followers() == ()


def _seconds(run: Path) -> float:
    return sum(stage["seconds"] for stage in json.loads((run / "result.json").read_text())["stages"].values())
