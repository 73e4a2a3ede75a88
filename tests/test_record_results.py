"""Records are read back as they were written, joined, and refused in one line that names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from result_records import result, write

from tfg.record.results import HEADS, DamagedRecord, RunResult, load_all, read_failure, write_failure

CONFIG: dict[str, Any] = {"selector": {"name": "first"}, "backbone": {"name": "instag"}, "clip": {}, "seed": 0}


def made(folder: Path, name: str = "one") -> Path:
    return write(folder, result(name, config=CONFIG, psnr=20.0)) / "result.json"


def test_a_run_is_joined_with_its_head_and_scores(tmp_path: Path) -> None:
    found = RunResult.read(made(tmp_path))
    assert found.metrics["psnr_face"]["value"] == 20.0
    assert found.stages["training"]["seconds"] == 60.0
    assert found.head == "head-of-one"


@pytest.mark.parametrize("damage", ["{", "[]", "\x00\xff", '{"schema": 2}', '{"schema": 1}', ""])
@pytest.mark.parametrize(
    "name", ["one/result.json", f"{HEADS}/head-of-one/head.json", f"{HEADS}/head-of-one/scores-0.json"]
)
def test_a_damaged_record_is_named_in_one_line(tmp_path: Path, name: str, damage: str) -> None:
    path = made(tmp_path)
    (tmp_path / name).write_bytes(damage.encode("latin-1"))
    with pytest.raises(DamagedRecord) as caught:
        RunResult.read(path)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_head_is_named(tmp_path: Path) -> None:
    path = made(tmp_path)
    (tmp_path / HEADS / "head-of-one" / "head.json").unlink()
    with pytest.raises(DamagedRecord, match=r"head\.json: missing"):
        RunResult.read(path)


@pytest.mark.parametrize(
    ("key", "value"), [("head", "../../evil"), ("scores", "/etc/passwd"), ("selection", {}), ("stages", [])]
)
def test_a_record_that_points_elsewhere_or_lacks_a_part_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = made(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DamagedRecord, match=key):
        RunResult.read(path)


def test_scores_without_a_value_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path)
    scores = tmp_path / HEADS / "head-of-one" / "scores-0.json"
    record = json.loads(scores.read_text())
    del record["metrics"]["psnr_face"]["value"]
    scores.write_text(json.dumps(record))
    with pytest.raises(DamagedRecord, match="psnr_face"):
        RunResult.read(path)


def test_an_old_record_is_refused_by_its_schema(tmp_path: Path) -> None:
    path = made(tmp_path)
    path.write_text(json.dumps({"run_id": "old", "schema": 1}))
    with pytest.raises(DamagedRecord, match=r"result\.json: written as schema 1, this tfg reads 2; "):
        RunResult.read(path)


def test_one_damaged_record_hides_no_other(tmp_path: Path) -> None:
    made(tmp_path, "one").write_text("{")
    made(tmp_path, "two")
    found, damaged = load_all(tmp_path)
    assert [run.run_id for run in found] == ["two"]
    assert len(damaged) == 1
    assert str(tmp_path / "one" / "result.json") in damaged[0]


def test_a_failure_is_read_back_and_a_damaged_one_named(tmp_path: Path) -> None:
    write_failure(tmp_path, stage="training", message="it broke", trace="...", user=False)
    assert read_failure(tmp_path)["message"] == "it broke"
    (tmp_path / "failure.json").write_text("{}")
    with pytest.raises(DamagedRecord, match=r"failure\.json"):
        read_failure(tmp_path)
