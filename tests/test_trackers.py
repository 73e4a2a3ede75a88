"""Every tracker holds exactly what a run's own files hold, and none that fails costs a run more than a line."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from end_to_end import ROOT
from tracked_runs import CURVE, wandb_records, write_run

from tfg.configuration import folder
from tfg.record.checks import is_number
from tfg.trackers import choose, mirror
from tfg.trackers.base import named
from tfg.types import InputError

SETTINGS: dict[str, dict[str, Any]] = {
    "wandb": {"mode": "offline", "project": "tfg", "artifacts": "all"},
    "tensorboard": {},
    "mlflow": {"project": "tfg"},
    "none": {},
}
Kept = tuple[dict[str, float], dict[tuple[int, str], float], list[int], int]


def of_wandb(results: Path, run_id: str) -> Kept:
    """Numbers, curve, steps with a picture, runs of a sweep's table."""
    records = [record for file in sorted(results.rglob(f"run-{run_id}.wandb")) for record in wandb_records(file)]
    history = [record["history"] for record in records if "history" in record]
    summary = {key: value for record in records for key, value in record.get("summary", {}).items()}
    curves = [row for row in history if any(name.startswith("train/") for name in row)]
    curve = {
        (row["step"], name.removeprefix("train/")): float(value)
        for row in curves
        for name, value in row.items()
        if name.startswith("train/")
    }
    pictures = [row["step"] for row in history if any(name.startswith("pictures/held_out") for name in row)]
    (table,) = results.glob("wandb/offline-run-*/files/media/table/metrics_*.json")
    return summary, curve, pictures, len(json.loads(table.read_text())["data"])


def of_tensorboard(results: Path, run_id: str) -> Kept:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    def read(path: Path) -> Any:
        return EventAccumulator(str(path), size_guidance={"tensors": 0, "images": 0}).Reload()

    found = read(results / run_id / "tensorboard")
    scalars = {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in found.Tensors(tag)]
        for tag in found.Tags()["tensors"]
        if found.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }
    curve = {
        (step, tag[6:]): value for tag, rows in scalars.items() if tag.startswith("train/") for step, value in rows
    }
    numbers = {tag: rows[-1][1] for tag, rows in scalars.items() if not tag.startswith("train/")}
    sweep = read(results / "tensorboard" / "sweep-test").Tensors("metrics/text_summary")[-1]
    rows = make_ndarray(sweep.tensor_proto)[0].decode().splitlines()
    return numbers, curve, [event.step for event in found.Images("pictures/held_out")], len(rows) - 2


def of_mlflow(results: Path, run_id: str) -> Kept:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=(results / "mlruns").as_uri())
    run = json.loads((results / run_id / "mlflow.json").read_text())["run_id"]
    metrics = client.get_run(run).data.metrics
    curve = {
        (point.step, name.removeprefix("train/")): point.value
        for name in metrics
        if name.startswith("train/")
        for point in client.get_metric_history(run, name)
    }
    numbers = {name: value for name, value in metrics.items() if not name.startswith("train/")}
    pictures = sorted(int(Path(file.path).stem) for file in client.list_artifacts(run, "pictures"))
    (sweep,) = (results / "mlruns").glob("*/*/artifacts/metrics.json")
    return numbers, curve, pictures, len(json.loads(sweep.read_text())["data"])


READERS: dict[str, Callable[[Path, str], Kept]] = {
    "wandb": of_wandb,
    "tensorboard": of_tensorboard,
    "mlflow": of_mlflow,
}


def follow(settings: dict[str, Any], *paths: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: libraries of trackers keep threads and processes."""
    script = [sys.executable, str(ROOT / "tests" / "support" / "follow_run.py"), json.dumps(settings)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **environment}
    return subprocess.run(
        [*script, *map(str, paths)], env=variables, capture_output=True, text=True, check=False, timeout=240
    )


def settings_of(tracker: str) -> dict[str, Any]:
    if tracker in choose.EXTRAS and importlib.util.find_spec(tracker) is None:
        pytest.skip(f"{choose.EXTRAS[tracker]} is not installed: pip install -e '.[{tracker}]'")
    return {"name": tracker, "pictures": 0, **SETTINGS[tracker]}


def test_every_tracker_of_conf_is_one_that_can_be_chosen() -> None:
    options = {path.stem for path in (folder() / "tracker").glob("*.yaml")}
    assert options == choose.TRACKERS.keys() == SETTINGS.keys() == {*READERS, "none"}


@pytest.mark.parametrize("tracker", READERS)
def test_it_holds_exactly_what_the_files_of_a_run_hold_also_when_it_is_told_twice(
    tracker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tracker)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    paths = [write_run(tmp_path, name, psnr=30.123456789012345) for name in ("first-run", "other-run")]
    told = paths if tracker == "wandb" else [*paths, *paths]  # offline that is two files, which a server makes one run
    done = follow(settings, *told)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "tracker failed" not in done.stderr
    numbers, curve, pictures, rows = READERS[tracker](tmp_path, "first-run")
    summary = mirror.read(paths[0]).summary
    expected = {name: value for name, value in summary.items() if is_number(value)}
    assert len(expected) > 20
    assert {name: value for name, value in numbers.items() if name in expected} == expected
    strange = {name.split(".")[0] for name in numbers if name not in summary and not name.startswith("_")}
    assert strange <= {"candidates", "side_by_side", "selection_plot"}
    made = {(step, name): value for step, values in CURVE.items() for name, value in values.items()}
    assert curve.keys() == made.keys()
    assert all(curve[key] == value or (math.isnan(curve[key]) and math.isnan(value)) for key, value in made.items())
    assert sorted(set(pictures)) == [50, 100]
    assert rows == 2


@pytest.mark.parametrize("tracker", READERS)
def test_one_that_cannot_write_costs_one_line(tracker: str, tmp_path: Path) -> None:
    settings = settings_of(tracker)
    path = write_run(tmp_path / "results", "first-run", psnr=30.0)
    if tracker == "wandb":  # nobody answers at this address
        address = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "0" * 40, "WANDB_DIR": str(tmp_path)}
        done = follow(settings | {"mode": "online"}, path, **address, WANDB_INIT_TIMEOUT="3")
    else:
        (path.parent / "tensorboard").write_text("a file in the way")
        (path.parent.parent / "mlruns").write_text("a file in the way")
        done = follow(settings, path)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("tfg: the tracker failed (")]
    assert len(said) == 1
    assert said[0].endswith("); the run goes on without it")


def test_a_failure_in_the_middle_leaves_the_rest_out_and_ends_what_was_begun(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[str] = []

    class Failing:
        def curve(self, step: int, values: Any) -> None:
            calls.append("curve")
            raise OSError(28, "No space left on device")

        def finish(self, *, failed: bool) -> None:
            calls.append(f"finish {failed}")

    shielded = choose.Shielded(Failing)  # type: ignore[arg-type]
    shielded.curve(50, {})
    shielded.curve(100, {})
    shielded.finish(failed=False)
    assert calls == ["curve", "finish True"]
    assert capsys.readouterr().err.count("the tracker failed ([Errno 28] No space left on device)") == 1


def test_a_run_is_named_and_tagged_by_the_axes_that_vary(tmp_path: Path) -> None:
    found = mirror.read(write_run(tmp_path, "random-run", psnr=30.0, selector="random"))
    of_sweep = named(found.result.config, tmp_path / "random-run")
    assert (of_sweep.name, of_sweep.group, of_sweep.kind) == ("random instag", "test", "run")
    assert of_sweep.tags == ("random", "instag", "logmel", "selector=random")
    alone = named(found.result.config | {"sweep": {"axes": [], "size": 1}}, tmp_path / "random-run")
    assert alone.name == alone.run_id == "random-run"


def test_candidates_are_a_table_and_artifacts_name_what_they_were_made_from(tmp_path: Path) -> None:
    found = mirror.read(write_run(tmp_path, "first-run", psnr=30.0, trained=False))
    table = found.candidates()
    assert table.columns == ["start", "diversity", "score", "note", "voiced_ratio", "chosen"]
    assert table.rows == [[0.0, 8.146362534663774, None, None, 0.776, False], [3.0, 9.5, 2.25, "a note", 0.9, True]]
    made = {one.kind: one for one in found.artifacts()}
    assert list(made) == ["clip", "selection", "features", "head", "evaluation"]
    chain = [(one.kind, made[kind].name) for kind, one in zip(made, list(made.values())[1:], strict=False)]
    assert all(name in made[kind].made_from for kind, name in chain)
    assert [kind for kind, one in made.items() if one.found] == ["features", "head"]
    assert set(made["evaluation"].files) == {"scores-0.json", "result.json"}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"name": "wand"}, "tracker.name=wand: allowed are wandb, tensorboard, mlflow, none"),
        ({"name": "none", "pictures": -1}, "tracker.pictures=-1: must be a whole number, 0 or above"),
        (
            {**SETTINGS["wandb"], "name": "wandb", "artifacts": "some"},
            "tracker.artifacts=some: allowed are none, head, all",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as error:
        choose.check({"pictures": 0, **settings})
    assert str(error.value) == line


def test_a_tracker_whose_package_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"tracker=mlflow: needs the package mlflow-skinny; pip install -e '.\[mlflow\]'"
    ):
        choose.check({"name": "mlflow", "pictures": 0})
