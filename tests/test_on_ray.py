"""The script for Ray: its extra is named where it is absent, and it runs what is missing where it is here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from end_to_end import CLIP, INSTAG, ROOT, environment, shared_cache

from experiments import on_ray
from tfg.record.results import RunResult


def test_without_ray_its_extra_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert on_ray.main(["seed=0,1"]) == 2
    assert capsys.readouterr().err == "tfg: ray is not installed here; pip install -e '.[ray]'\n"


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed")
def test_ray_runs_a_sweep_and_its_table_is_shown(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = shared_cache(tmp_path_factory.getbasetemp())
    given = ["selector=first", "seed=0,1", "metrics=quick", *CLIP, *INSTAG]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.on_ray", "--jobs", "2", *given],
        cwd=tmp_path,
        env={**environment(cache), "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "| first instag seed=1" in done.stdout
    assert {RunResult.read(path).config["seed"] for path in tmp_path.glob("results/*/result.json")} == {0, 1}
