"""Records are read back as they were written, joined, and refused in one line that names the file."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from result_records import metric, result, write

from tfg.record import evaluations, files, provenance
from tfg.record.files import remove_abandoned
from tfg.record.results import HEADS, DamagedRecord, RunResult, read_failure, write_failure

CONFIG: dict[str, Any] = {"selector": {"name": "first"}, "backbone": {"name": "instag"}, "clip": {}, "seed": 0}


def made(folder: Path, name: str = "one") -> Path:
    return write(folder, result(name, config=CONFIG, psnr=20.0)) / "result.json"


def test_a_run_is_joined_with_its_head_and_scores(tmp_path: Path) -> None:
    found = RunResult.read(made(tmp_path))
    assert found.metrics["psnr_face"]["value"] == 20.0
    assert found.stages["training"]["seconds"] == 60.0
    assert found.head == "head-of-one"


def test_a_result_says_all_but_the_numbers_per_frame(tmp_path: Path) -> None:
    path = made(tmp_path)
    found, told = RunResult.read(path), json.loads(path.read_text())
    assert {name: entry["value"] for name, entry in told["metrics"].items()} == {
        name: entry["value"] for name, entry in found.metrics.items()
    }
    assert not any("per_frame" in entry for entry in told["metrics"].values())
    assert set(told["controls"]) == set(found.controls)
    assert (told["gains"], told["pose_gap"], told["verdict"]) == (found.gains, found.pose_gap, found.verdict)
    assert told["stages"] == found.stages


@pytest.mark.parametrize("damage", ["{", "[]", "\x00\xff", '{"schema": 3}', '{"schema": 2}', ""])
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


@pytest.mark.parametrize("pieces", [5, {"start": 1.0}, [5], [{}], [{"start": "a"}]])
@pytest.mark.parametrize(
    ("file", "part"), [("one/result.json", "selection"), (f"{HEADS}/head-of-one/head.json", "segment")]
)
def test_pieces_that_are_none_are_refused(tmp_path: Path, file: str, part: str, pieces: object) -> None:
    path, changed = made(tmp_path), tmp_path / file
    record = json.loads(changed.read_text())
    record[part]["pieces"] = pieces
    changed.write_text(json.dumps(record))
    with pytest.raises(DamagedRecord, match=part) as caught:
        RunResult.read(path)
    assert str(caught.value).startswith(f"{changed}: ")


REMOVED = object()
RUN, HEAD, SCORES = "one/result.json", f"{HEADS}/head-of-one/head.json", f"{HEADS}/head-of-one/scores-0.json"


def damage(path: Path, where: str, value: object) -> None:
    """Change or remove one value of a JSON file; `where` has slashes between keys."""
    record = json.loads(path.read_text())
    *above, last = where.split("/")
    node = record
    for key in above:
        node = node[key]
    node[last] = value
    if value is REMOVED:
        del node[last]
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        (RUN, "config", {}),
        (RUN, "config/selector", "first"),
        (RUN, "config/backbone/name", REMOVED),
        (RUN, "config/audio", REMOVED),
        (RUN, "config/seconds", "5"),
        (RUN, "config/seed", REMOVED),
        (RUN, "config/seed", True),
        (RUN, "config/sweep", {"axes": ["who"]}),
        (RUN, "config/sweep", []),
        (RUN, "run_id", "../one"),
        (RUN, "selection/start", float("nan")),
        (RUN, "selection/cost", REMOVED),
        (RUN, "selection/cost/seconds", "2"),
        (RUN, "selection/cost/frames", None),
        (RUN, "stages", {"selection": []}),
        (RUN, "stages", {"selection": {"seconds": 1.0}}),
        (RUN, "files", {}),
        (RUN, "files/selection_plot", 3),
        (RUN, "files/selection_plot", ""),
        (RUN, "files/selection_plot", "/etc/passwd"),
        (RUN, "files/selection_plot", "../../other.png"),
        (HEAD, "made_for", None),
        (HEAD, "clip", {}),
        (HEAD, "machine", {}),
        (HEAD, "stages", {}),
        (HEAD, "stages/training/seconds", None),
        (HEAD, "files", {}),
        (HEAD, "files/side_by_side", "a/../../b.mp4"),
        (SCORES, "stages", {"metrics": {}}),
        (SCORES, "controls/static", []),
        (SCORES, "gains/psnr_mouth/low", None),
        (SCORES, "gains/psnr_mouth/high", "much"),
        (SCORES, "gains/psnr_mouth/value", REMOVED),
        (SCORES, "pose_gap/mean_degrees", None),
        (SCORES, "verdict", None),
        (SCORES, "controls/static/psnr_face", None),
        (SCORES, "truth/mouth_correlation/definition", REMOVED),
        *((SCORES, f"metrics/psnr_face/{key}", REMOVED) for key in ("value", "unavailable", "title", "unit", "digits")),
        *((SCORES, "metrics/psnr_face/value", value) for value in ("abc", "-inf", True, float("inf"), [])),
        (SCORES, "metrics/psnr_face/unavailable", 0),
        (SCORES, "metrics/psnr_face/better", "sideways"),
        (SCORES, "metrics/psnr_face/digits", -1),
        (SCORES, "metrics/two\nlines", {}),
    ],
)
def test_a_part_that_is_missing_or_of_another_kind_is_refused_in_one_line(
    tmp_path: Path, name: str, where: str, value: object
) -> None:
    path = made(tmp_path)
    damage(tmp_path / name, where, value)
    with pytest.raises(DamagedRecord) as caught:
        RunResult.read(path)
    assert str(caught.value).startswith(f"{tmp_path / name}: not a readable record (")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [20, 20.5, "inf", None])
def test_a_value_is_a_number_or_inf_or_none(tmp_path: Path, value: object) -> None:
    path = made(tmp_path)
    damage(tmp_path / SCORES, "metrics/psnr_face/value", value)
    assert RunResult.read(path).metrics["psnr_face"]["value"] == value


def test_an_old_record_is_refused_by_its_schema(tmp_path: Path) -> None:
    path = made(tmp_path)
    path.write_text(json.dumps({"run_id": "old", "schema": 1}))
    with pytest.raises(DamagedRecord, match=r"result\.json: written as schema 1, this tfg reads 3; "):
        RunResult.read(path)


@pytest.mark.parametrize("trained", [True, False])
def test_a_run_that_its_head_was_made_for_has_trained_it(tmp_path: Path, trained: bool) -> None:
    folder = write(tmp_path, replace(result("one", config=CONFIG, psnr=20.0), trained=trained))
    assert RunResult.read(folder / "result.json").trained is trained


@pytest.mark.parametrize(("name", "key"), [(HEAD, "made_for"), (HEAD, "clip"), ("one/result.json", "selection")])
def test_a_record_without_one_of_its_fields_is_refused(tmp_path: Path, name: str, key: str) -> None:
    path = made(tmp_path)
    damage(tmp_path / name, key, REMOVED)
    with pytest.raises(DamagedRecord, match=f"{key} missing or unknown"):
        RunResult.read(path)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "-q", "there")
    (tmp_path / "there" / "file").write_text("as committed")
    git(tmp_path / "there", "add", "file")
    git(tmp_path / "there", "commit", "-qm", "first")
    return tmp_path / "there"


def test_the_commit_is_that_of_the_checkout_of_tfg(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_ROOT", checkout)
    assert provenance.commit() == (git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "file").write_text("changed")
    assert provenance.commit() == (git(checkout, "rev-parse", "HEAD"), True)


def test_tfg_installed_inside_of_another_checkout_has_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = checkout / ".venv" / "lib" / "site-packages"
    installed.mkdir(parents=True)
    monkeypatch.setattr(provenance, "_ROOT", installed)
    assert provenance.commit() == ("unknown", True)


def test_a_failure_is_read_back_and_a_damaged_one_named(tmp_path: Path) -> None:
    write_failure(tmp_path, stage="training", message="it broke", trace="...", user=False)
    assert read_failure(tmp_path)["message"] == "it broke"
    (tmp_path / "failure.json").write_text("{}")
    with pytest.raises(DamagedRecord, match=r"failure\.json"):
        read_failure(tmp_path)


EVALUATION: dict[str, Any] = {
    "schema": evaluations.SCHEMA,
    "name": "GeneFace",
    "pred": "made.mp4",
    "truth": "true.mp4",
    "digests": ["1", "2", ""],
    "reader": "no face reader",
    "metrics": {"lpips": metric("lpips", 0.125)},
    "ground_truth": {},
}


def test_a_kept_evaluation_is_read_back(tmp_path: Path) -> None:
    assert evaluations.read(evaluations.keep(tmp_path, EVALUATION)) == EVALUATION


@pytest.mark.parametrize(
    ("where", "value"),
    [
        *(("metrics/lpips/" + key, REMOVED) for key in ("value", "unavailable", "definition", "title", "better")),
        ("metrics/lpips/value", "abc"),
        ("metrics/lpips/digits", "4"),
        ("metrics", []),
        ("ground_truth", {"lpips": None}),
        ("digests", ["1"]),
        ("digests", 2),
        ("reader", None),
        ("pred", 1),
        ("name", REMOVED),
        ("schema", 2),
    ],
)
def test_a_partly_damaged_evaluation_is_named_in_one_line(tmp_path: Path, where: str, value: object) -> None:
    path = evaluations.keep(tmp_path, EVALUATION)
    damage(path, where, value)
    kept, problems = evaluations.read_all(tmp_path)
    assert kept == []
    assert len(problems) == 1
    assert problems[0].startswith(f"{path}: not a readable evaluation (")
    assert "\n" not in problems[0]


LIMITED = """
import resource, sys
from pathlib import Path
from tfg.record import files
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    files.write_text(Path(sys.argv[1]), "x" * 1000)
except OSError as error:
    print(files.no_room(error, "?"))
"""


def test_a_process_that_may_not_write_so_much_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"{path} cannot grow to the size that it needs (File too large); raise the limit on the size of files (ulimit -f)\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named_not_its_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *arguments: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError) as caught, files.replaced(tmp_path / "report"):
        pass
    assert caught.value.filename == str(tmp_path / "report")


def test_another_files_error_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, files.replaced(tmp_path / "report"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")


def test_only_old_temporary_files_of_the_same_file_are_abandoned(tmp_path: Path) -> None:
    names = ("table-a.md.1-0f.part", "table-a.md.2-0f.part", "table-b.md.1-0f.part", "table-a.md")
    for name in names:
        (tmp_path / name).touch()
        if not name.startswith("table-a.md.2"):
            os.utime(tmp_path / name, (time.time() - 4000,) * 2)
    remove_abandoned(tmp_path / "table-a.md")
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])
