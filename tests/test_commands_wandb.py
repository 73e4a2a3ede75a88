"""`tfg wandb sync` and `pull` against a server on this machine, and the committed sweeps for wandb's agents."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from end_to_end import CLIP, INSTAG, ROOT, shared_cache, tfg
from omegaconf import OmegaConf
from support import wandb_standin
from tracked_runs import CURVE, wandb_records, write_run

from tfg import overrides
from tfg.record import table
from tfg.record.results import RunResult
from tfg.trackers import mirror

SWEEPS = sorted((overrides.CONFIG / "sweeps").glob("*.yaml"))
SHOWN = ("candidates", "selection_plot", "side_by_side")


def read_sweep(text: str) -> Any:
    """Of YAML or JSON; `${args}` and the like are the agent's to fill in."""
    return OmegaConf.to_container(OmegaConf.create(text), resolve=False)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[wandb_standin.Standin]:
    """wandb knows no other address while it runs."""
    with wandb_standin.standin() as state:
        for key, value in wandb_standin.login(state, tmp_path / "home").items():
            monkeypatch.setenv(key, value)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        yield state
        assert state.unknown == []


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_cache(tmp_path_factory.getbasetemp())


def ours(values: dict[str, Any]) -> dict[str, Any]:
    """Without what wandb adds, and without media and tables."""
    shown = {name for name, value in values.items() if isinstance(value, dict) and "_type" in value}
    return {name: value for name, value in values.items() if not name.startswith("_") and name not in shown}


def numbers_of(result: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name in the summary -> value, of what a result.json has of numbers; read here, by hand."""
    for kind in ("metrics", "truth", "gains"):
        for name, entry in result[kind].items():
            yield f"{kind}/{name}", entry["value"]
    for control, metrics in result["controls"].items():
        for name, entry in metrics.items():
            yield f"controls/{control}/{name}", entry["value"]
    for stage, record in result["stages"].items():
        for key in ("seconds", "processor_seconds", "peak_mb", "frames"):
            yield f"stages/{stage}/{key}", record[key]
    for name, entry in result["gains"].items():
        yield f"gains/{name}_low", entry["low"]
        yield f"gains/{name}_high", entry["high"]
    yield from ((f"pose_gap/{name}", value) for name, value in result["pose_gap"].items())
    yield from ((name, result[name]) for name in ("run_id", "head", "scores", "commit", "dirty", "verdict", "group"))


def test_a_server_receives_exactly_what_result_json_holds_and_gives_the_same_table_back(
    tmp_path: Path, server: wandb_standin.Standin, cache: Path
) -> None:
    names = {"first-run": 30.123456789012345, "other-run": 29.1}
    paths = [write_run(tmp_path / "results", name, psnr=psnr, trained=psnr > 30) for name, psnr in names.items()]
    options = ["--mode", "online", "--artifacts", "all"]
    done = tfg("wandb", "sync", "results", *options, cache=cache, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 runs and 1 sweep mirrored in wandb project tfg\n"
    for path in paths:
        kept, result = server.runs[path.parent.name], json.loads(path.read_text())
        assert ours(kept.summary) == mirror.read(path).summary
        assert {name: kept.summary.get(name) for name, _ in numbers_of(result)} == dict(
            numbers_of(result)
        )  # None: left out
        assert kept.config == result["config"]
        assert kept.fields["displayName"] == "first instag"
        assert (kept.fields["groupName"], kept.fields["jobType"], kept.exit_code) == ("test", "run", 0)
        check_history(kept.history)
        assert any(name.startswith("media/videos/side_by_side") for name in kept.files)
    assert server.runs["sweep-test"].fields["jobType"] == "sweep"
    (rows,) = (json.loads(body)["data"] for name, body in server.bodies.items() if "table/metrics_" in name)
    assert [row[:2] for row in rows] == [["first instag", "first-run"], ["first instag", "other-run"]]
    assert names["first-run"] in rows[0]

    kinds = [made["artifactTypeName"] for made in server.artifacts if made["artifactTypeName"] != "run_table"]
    assert kinds == ["clip", "selection", "features", "head", "evaluation"] * 2
    lineage = {made["artifactCollectionName"]: json.loads(made["metadata"] or "{}") for made in server.artifacts}
    assert lineage["evaluation-first-run"]["made_from"] == ["head-head-of-first-run"]
    clip = "clip-" + "0" * 16
    assert server.used == [clip, clip, "features-head-of-other-run", "head-head-of-other-run"]

    pulled = tfg("wandb", "pull", "--check", "results", cache=cache, cwd=tmp_path)
    assert (pulled.returncode, pulled.stderr) == (0, "tfg: 2 runs, all as in results\n")
    found = list(csv.DictReader(io.StringIO(pulled.stdout)))
    assert [row["run_id"] for row in found] == list(names)
    assert [float(row["metrics/psnr_face"]) for row in found] == list(names.values())
    of_files = [("first instag", RunResult.read(path)) for path in paths]
    printed = [line for line in table.markdown(of_files).splitlines() if line.startswith("| first instag")]
    for row, line in zip(found, printed, strict=True):  # the table that a sweep ends with
        assert f" {float(row['metrics/psnr_face']):.2f} " in line

    server.runs["other-run"].summary["metrics/psnr_face"] = 29.2
    again = tfg("wandb", "pull", "--check", "results", cache=cache, cwd=tmp_path)
    assert (again.returncode, again.stderr) == (1, "tfg: other-run: differs in metrics/psnr_face\n")


def check_history(history: list[dict[str, Any]]) -> None:
    """Curve, pictures and what a run ends with, in order; the step of the training is a column."""
    rows = [{name: value for name, value in row.items() if not name.startswith("_")} for row in history]
    for row, (step, values) in zip(rows[:2], CURVE.items(), strict=True):
        assert row.pop("step") == step
        assert row.keys() == {f"train/{name}" for name in values}
        for name, value in values.items():
            assert row[f"train/{name}"] == value or (math.isnan(row[f"train/{name}"]) and math.isnan(value))
    assert [(row["step"], row["pictures/held_out"]["_type"]) for row in rows[2:4]] == [
        (50, "image-file"),
        (100, "image-file"),
    ]
    assert {name: value["_type"] for name, value in rows[4].items()} == dict(
        zip(SHOWN, ("table-file", "image-file", "video-file"), strict=True)
    )
    assert len(rows) == 5


def test_without_a_server_the_same_is_written_to_files(tmp_path: Path, cache: Path) -> None:
    path = write_run(tmp_path / "results", "first-run", psnr=30.0)
    done = tfg("wandb", "sync", "results", "--mode", "offline", cache=cache, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 run and 0 sweeps mirrored in wandb project tfg, offline in results/.wandb\n"
    (file,) = tmp_path.glob("results/.wandb/wandb/offline-run-*/run-first-run.wandb")
    records = wandb_records(file)
    axes = [record["metric"] for record in records if "metric" in record]
    assert [axis["step_metric"] for axis in axes if axis.get("glob_name") == "train/*"][-1] == "step"
    (run,) = (record["run"] for record in records if "run" in record)
    assert (run["run_id"], run["display_name"], run["run_group"], run["job_type"]) == (
        *("first-run", "first instag", "test", "run"),
    )
    artifacts = [record["artifact"]["name"] for record in records if "artifact" in record]
    assert [name.split("-")[0] for name in artifacts if not name.startswith("run-")] == [
        *("clip", "selection", "head", "evaluation"),
    ]
    assert path.is_file()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("sync none", "tfg: none: is no folder; give a results folder, such as results\n"),
        ("sync .", "tfg: .: holds no finished run\n"),
    ],
)
def test_a_folder_without_runs_is_one_line(tmp_path: Path, cache: Path, arguments: str, line: str) -> None:
    done = tfg("wandb", *arguments.split(), cache=cache, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, line)


def test_a_project_without_runs_is_one_line(tmp_path: Path, server: wandb_standin.Standin, cache: Path) -> None:
    done = tfg("wandb", "pull", "--project", "empty", cache=cache, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "tfg: wandb project empty: holds no run of tfg\n")


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_end_of_a_committed_sweep_is_a_run(path: Path) -> None:
    sweep = read_sweep(path.read_text())
    assert sweep["metric"]["name"].removeprefix("metrics/") in ("psnr_face",)
    fixed = [text for text in sweep["command"] if "$" not in text]
    ends = {key: given.get("values") or [given["min"], given["max"]] for key, given in sweep["parameters"].items()}
    first = {key: values[0] for key, values in ends.items()}
    for key, values in ends.items():
        for value in values:
            (cell,) = overrides.cells([*fixed, *(f"{name}={chosen}" for name, chosen in {**first, key: value}.items())])
            overrides.composed(cell)


def test_an_agent_of_a_committed_sweep_runs_it_and_its_server_receives_the_run(
    tmp_path: Path, server: wandb_standin.Standin, cache: Path
) -> None:
    (path,) = (path for path in SWEEPS if path.stem == "selectors")
    sweep = read_sweep(path.read_text())
    small = [*CLIP, *INSTAG, "metrics=quick", "face=sidecar", "masks=sidecar"]
    sweep["command"] += [
        "tracker=wandb",
        *(text for text in small if text.split("=")[0] not in (*sweep["parameters"], "tracker")),
    ]
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
    (tmp_path / "run.py").write_text((ROOT / "run.py").read_text())
    wandb = [str(Path(sys.executable).with_name("wandb"))]
    active = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": active, "PYTHONPATH": str(ROOT), "TFG_CACHE": str(cache)}

    def do(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*wandb, *arguments], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=240
        )

    made = do("sweep", "--project", "tfg", "sweep.yaml")
    assert made.returncode == 0, made.stderr
    assert read_sweep(server.sweep_configs["sweep0"])["method"] == "grid"
    server.sweeps["sweep0"] = [{"selector": "first", "seconds": 3, "seed": 0}] * 2  # the second is found as done
    done = do("agent", "ent/tfg/sweep0")
    assert done.returncode == 0, done.stderr
    (result,) = [*tmp_path.glob("results/*/result.json")] or pytest.fail(done.stdout + done.stderr)
    for number in (1, 2):
        kept = server.runs[f"sweep0-run{number}"]
        assert ours(kept.summary) == mirror.read(result).summary
        assert kept.fields["groupName"] == "selectors"
        assert kept.fields["displayName"] == result.parent.name
