"""MLflow in a local folder: `mlflow ui --backend-store-uri results/mlruns`. The only file that imports mlflow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Its store of plain files is kept as it is; what it counts of its own use is sent to nobody.
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from tfg.record.checks import is_number
from tfg.trackers.base import RUN, Named
from tfg.trackers.mirror import Mirror, Table, row

STORE = "mlruns"  # in the results folder
REMEMBERED = "mlflow.json"  # in a run's folder: the id that MLflow gave it
_LONGEST = 5000  # characters of a text
_AT_ONCE = 100  # values of one call


class MLflowTracker:
    """One MLflow run; the same run of tfg goes on in the same one."""

    def __init__(self, named: Named, settings: Mapping[str, Any]) -> None:
        results = named.folder.parent if named.kind == RUN else named.folder
        self._client = MlflowClient(tracking_uri=(results / STORE).absolute().as_uri())
        found = self._client.get_experiment_by_name(settings["project"])
        project = self._client.create_experiment(settings["project"]) if found is None else found.experiment_id
        self._remembered = named.folder / (REMEMBERED if named.kind == RUN else f"{STORE}/{named.run_id}.json")
        self._run = self._known() or self._client.create_run(project, run_name=named.name).info.run_id
        self._remembered.write_text(json.dumps({"run_id": self._run}))
        self._client.set_terminated(self._run, "RUNNING")
        tags = {
            "tfg.run_id": named.run_id,
            "tfg.group": named.group,
            "tfg.kind": named.kind,
            "tfg.tags": " ".join(named.tags),
        }
        self._client.log_batch(self._run, tags=[RunTag(key, value) for key, value in tags.items()])
        self._client.log_dict(self._run, named.config, "config.json")
        params = row(named.config, {"run_id": named.run_id})
        self._send(params=[Param(name, _short(value)) for name, value in params.items()])

    def curve(self, step: int, values: Mapping[str, float]) -> None:
        self._send(metrics=[Metric(f"train/{name}", value, 0, step) for name, value in values.items()])

    def picture(self, step: int, path: Path) -> None:
        self._client.log_artifact(self._run, str(path), "pictures")

    def record(self, mirror: Mirror) -> None:
        numbers = {
            name: float(value)
            for name, value in mirror.summary.items()
            if isinstance(value, int | float) and is_number(value)
        }
        self._send(metrics=[Metric(name, value, 0, 0) for name, value in numbers.items()])
        texts = {name: value for name, value in mirror.summary.items() if name not in numbers}
        self._client.log_dict(self._run, texts, "summary.json")
        self.table("candidates", mirror.candidates())
        for path in mirror.media().values():
            self._client.log_artifact(self._run, str(path), "media")
        lineage = {one.name: {"made_from": one.made_from, **one.facts} for one in mirror.artifacts()}
        self._client.log_dict(self._run, lineage, "lineage.json")

    def table(self, name: str, table: Table) -> None:
        self._client.log_dict(self._run, {"columns": table.columns, "data": table.rows}, f"{name}.json")

    def finish(self, *, failed: bool) -> None:
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")

    def _known(self) -> str | None:
        """The MLflow run of an earlier attempt, where it is there still."""
        try:
            run = json.loads(self._remembered.read_text())["run_id"]
            return str(self._client.get_run(run).info.run_id)
        except Exception:  # never tracked, or its store is gone: a new one
            return None

    def _send(self, *, metrics: list[Metric] | None = None, params: list[Param] | None = None) -> None:
        for first in range(0, len(metrics or params or []), _AT_ONCE):
            chosen = slice(first, first + _AT_ONCE)
            self._client.log_batch(self._run, metrics=(metrics or [])[chosen], params=(params or [])[chosen])


def open_tracker(named: Named, settings: Mapping[str, Any]) -> MLflowTracker:
    return MLflowTracker(named, settings)


def _short(value: Any) -> str:
    return str(value)[:_LONGEST]
