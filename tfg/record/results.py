"""What is kept of heads, their scores and runs: a JSON file each. Standard library only, so that any tool can read it.

    results/<run>/result.json                       a selection, the head and scores it leads to, and their numbers; or failure.json
    results/heads/<head>/head.json                  a trained head: its stages' cost, its files
    results/heads/<head>/scores-<hash>.json         its numbers under one metrics setting, also frame by frame

A result.json says all but the numbers per frame. A `RunResult` is the three together.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from tfg.record.checks import (
    check_files,
    check_intervals,
    check_known,
    check_metrics,
    check_numbers,
    check_stages,
    check_texts,
    value_at,
)
from tfg.record.files import write_json
from tfg.record.pieces import check_pieces

SCHEMA = 3
HEADS = "heads"
Metrics = dict[str, dict[str, Any]]  # name -> {value | null, unavailable, definition, per_frame?, facts of the metric}


class DamagedRecord(ValueError):
    """A record that cannot be read: the message is one line that names the file."""


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """A trained head, rendered on the held-out part. Written last: a head without it is not finished."""

    head_id: str
    made_for: str  # the run that it was trained for
    config: dict[str, Any]  # what it was trained with, the video's path included
    clip: dict[str, Any]  # identity, digest, name, crop
    segment: dict[str, Any]  # start and num_frames in frames, and the same in seconds; of several `pieces` of each
    stages: dict[
        str, dict[str, Any]
    ]  # features_*, training, rendering -> {seconds, processor_seconds, peak_mb, frames, ...}
    files: dict[str, str]  # what it is -> path relative to the head's folder
    commit: str
    dirty: bool
    machine: dict[str, Any]
    schema: int = SCHEMA

    def write(self, folder: Path) -> Path:
        return write_json(folder / "head.json", asdict(self))

    @staticmethod
    def read(folder: Path) -> HeadRecord:
        """DamagedRecord names the file when it is not one or of another schema."""
        return _read(HeadRecord, folder / "head.json")

    def check(self) -> None:
        """ValueError for what is missing inside of its parts."""
        check_texts(self.clip, "identity", where="clip.")
        check_pieces("segment", self.segment)
        check_texts(self.machine, "cpu", "python", where="machine.")
        value_at(self.machine, "cores", "machine.")
        check_stages("stages", self.stages)
        value_at(self.stages, "training", "stages.")
        check_files("files", self.files)
        value_at(self.files, "side_by_side", "files.")


@dataclass(frozen=True, kw_only=True)
class ScoresRecord:
    """The numbers of a head under one metrics setting."""

    head_id: str
    setting: dict[str, Any]  # switches, and checksums of the metrics' weights
    metrics: Metrics
    controls: dict[str, Metrics]  # static, nearest, mute, rolled, still, shuffled
    truth: Metrics  # the truth scored against itself
    gains: dict[
        str, dict[str, Any]
    ]  # run minus mute: name -> {value | null, low, high, unavailable, definition, facts}
    verdict: str  # of the gains, in one line
    pose_gap: dict[str, float | None]  # how far the held-out part lies from the training part
    cautions: dict[str, list[str]]  # lip measure -> why it cannot be trusted here
    truth_digest: str  # sha256 of truth.mp4: `tfg evaluate --truth` of this file joins the tables
    stages: dict[str, dict[str, Any]]  # metrics -> {seconds, processor_seconds, peak_mb, frames}
    commit: str
    dirty: bool
    machine: dict[str, Any]
    schema: int = SCHEMA

    def write(self, path: Path) -> Path:
        return write_json(path, asdict(self))

    @staticmethod
    def read(path: Path) -> ScoresRecord:
        """DamagedRecord names the file when it is not one, or when a metric has neither a number nor none."""
        return _read(ScoresRecord, path)

    def check(self) -> None:
        """ValueError for what is missing inside of its parts."""
        check_stages("stages", self.stages)
        for key in ("switches", "weights"):
            if not isinstance(self.setting.get(key, {}), dict):
                raise ValueError(f"setting.{key} is no dictionary")
        _check_numbers_of(self)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A selection and what it leads to."""

    run_id: str
    group: str
    config: dict[str, Any]
    selection: dict[str, Any]
    stages: dict[str, dict[str, Any]]  # of the run, its head and its scores, in order
    metrics: Metrics  # as the scores file has them, without numbers per frame; so are the next five
    controls: dict[str, Metrics]
    truth: Metrics
    gains: dict[str, dict[str, Any]]
    verdict: str
    pose_gap: dict[str, float | None]
    cautions: dict[str, list[str]]
    files: dict[str, str]  # what it is -> path relative to the run's folder
    head: str  # its folder's name below results/heads
    scores: str  # its file's name in that folder
    commit: str
    dirty: bool
    machine: dict[str, Any]
    schema: int = SCHEMA

    def write(self, folder: Path) -> Path:
        return write_json(folder / "result.json", asdict(self))

    @staticmethod
    def read(path: Path) -> RunRecord:
        """DamagedRecord names the file when it is not one, or points outside its results folder."""
        return _read(RunRecord, path)

    def check(self) -> None:
        """ValueError for what is missing inside of its parts."""
        for key in ("run_id", "head", "scores"):
            if not re.fullmatch(r"[\w.-]+", name := getattr(self, key)) or name.startswith("."):
                raise ValueError(f"{key} is no plain file name")
        check_texts(self.config, "selector.name", "backbone.name", "audio.name", where="config.")
        check_numbers(self.config, "seconds", "seed", where="config.")
        axes = value_at(self.config, "sweep.axes", "config.") if "sweep" in self.config else []
        if not isinstance(axes, list) or not all(isinstance(axis, str) for axis in axes):
            raise ValueError("config.sweep.axes is no list of keys")
        for axis in axes:
            value_at(self.config, axis.replace("/", "."), "config.")
        check_numbers(self.selection, "start", "cost.seconds", "cost.frames", where="selection.")
        check_pieces("selection", self.selection)
        check_known(self.selection["cost"], "processor_seconds", where="selection.cost.")
        check_stages("stages", self.stages)
        value_at(self.stages, "training", "stages.")
        check_files("files", self.files)
        value_at(self.files, "selection_plot", "files.")
        _check_numbers_of(self)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """All that is known of a finished run: its own record with its head's stages and files, and the scores."""

    run_id: str
    group: str
    config: dict[str, Any]
    selection: dict[str, Any]
    stages: dict[str, dict[str, Any]]  # of the run, its head and its scores, in order
    metrics: Metrics
    controls: dict[str, Metrics]
    truth: Metrics
    gains: dict[str, dict[str, Any]]
    verdict: str
    pose_gap: dict[str, float | None]
    cautions: dict[str, list[str]]
    files: dict[str, str]  # what it is -> path relative to the results folder
    head: str
    scores: str  # file of the numbers in the head's folder
    trained: bool  # for this run; false: the head was found
    commit: str  # of the training, which the numbers depend on most
    dirty: bool
    machine: dict[str, Any]  # that trained the head
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def commits(self) -> set[str]:
        """Of the training and of the scoring, both of which the numbers depend on."""
        return {self.commit, self.notes["scored_at"]}

    @staticmethod
    def read(path: Path) -> RunResult:
        """Join a result.json with its head and scores; DamagedRecord names the file that is missing or not readable."""
        run, results = RunRecord.read(path), path.parent.parent
        folder = results / HEADS / run.head
        head, scores = HeadRecord.read(folder), ScoresRecord.read(folder / run.scores)
        files = {name: f"{run.run_id}/{file}" for name, file in run.files.items()}
        files |= {name: f"{HEADS}/{run.head}/{file}" for name, file in head.files.items()}
        return RunResult(
            run_id=run.run_id,
            group=run.group,
            config=run.config,
            selection=run.selection,
            stages=run.stages,
            metrics=scores.metrics,
            controls=scores.controls,
            truth=scores.truth,
            gains=scores.gains,
            verdict=scores.verdict,
            pose_gap=scores.pose_gap,
            cautions=scores.cautions,
            files=files,
            head=run.head,
            scores=run.scores,
            trained=head.made_for == run.run_id,
            commit=head.commit,
            dirty=head.dirty or scores.dirty,
            machine=head.machine,
            notes={
                "clip": head.clip,
                "truth_digest": scores.truth_digest,
                "scored_at": scores.commit,
                "trained_with": head.config,
                "segment": head.segment,
                "setting": scores.setting,
            },
        )


def without_frames(scores: ScoresRecord) -> dict[str, Any]:
    """What a result.json repeats of its scores: everything but the numbers per frame."""

    def short(metrics: Metrics) -> Metrics:
        return {
            name: {key: value for key, value in entry.items() if key != "per_frame"} for name, entry in metrics.items()
        }

    return {
        "metrics": short(scores.metrics),
        "controls": {name: short(metrics) for name, metrics in scores.controls.items()},
        "truth": short(scores.truth),
        "gains": scores.gains,
        "verdict": scores.verdict,
        "pose_gap": scores.pose_gap,
        "cautions": scores.cautions,
    }


def write_failure(folder: Path, *, stage: str, message: str, trace: str, user: bool) -> Path:
    """`user`: the input is to blame, not the program."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"stage": stage, "message": message, "trace": trace, "user": user, "time": time.time()}
    return write_json(folder / "failure.json", record)


def read_failure(folder: Path) -> dict[str, Any]:
    """DamagedRecord names the file when it is not one."""
    path = folder / "failure.json"
    record = _json(path)
    if not isinstance(record.get("message"), str) or not isinstance(record.get("stage"), str):
        raise _damaged(path, "no message or stage")
    return record


def _check_numbers_of(record: ScoresRecord | RunRecord) -> None:
    check_metrics("metrics", record.metrics)
    check_metrics("truth", record.truth)
    check_metrics("gains", record.gains)
    check_intervals("gains", record.gains)
    for name, metrics in record.controls.items():
        check_metrics(f"controls.{name}", metrics)
    check_numbers(record.pose_gap, "mean_degrees", "p90_degrees", where="pose_gap.")


Record = TypeVar("Record", HeadRecord, ScoresRecord, RunRecord)


def _read(kind: type[Record], path: Path) -> Record:
    values = _json(path)
    if (schema := values.get("schema")) != SCHEMA:
        raise DamagedRecord(
            f"{path}: written as schema {schema}, this tfg reads {SCHEMA}; run it again in a new results folder"
        )
    try:
        record = kind(**_typed(kind, values))
        record.check()
    except ValueError as error:
        raise _damaged(path, error) from error
    return record


def _typed(kind: type[Record], values: dict[str, Any]) -> dict[str, Any]:
    """The values, which have the fields of a record, each of its type; ValueError says what does not fit."""
    names = {item.name for item in fields(kind)}
    if wrong := names ^ set(values):
        raise ValueError(f"{', '.join(sorted(wrong))} missing or unknown")
    for item in fields(kind):
        wanted = {"dict": dict, "str": str, "bool": bool, "int": int}[
            str(item.type).split("[")[0].replace("Metrics", "dict")
        ]
        if not isinstance(values[item.name], wanted):
            raise ValueError(f"{item.name} is no {wanted.__name__}")
    return values


def _json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise DamagedRecord(f"{path}: missing; the command that made the run makes it again") from error
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not isinstance(record, dict):
        raise _damaged(path, "no dictionary")
    return record


def _damaged(path: Path, why: object) -> DamagedRecord:
    reason = " ".join(str(why).split())  # a key of the file may hold line breaks
    return DamagedRecord(f"{path}: not a readable record ({reason}); delete it and run the same command again")
