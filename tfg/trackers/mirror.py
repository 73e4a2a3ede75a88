"""What trackers hold of a finished run, made of its own files alone: summary, tables, media, artifacts with their lineage.

The summary has every number and text of a result.json under flat names, but for the configuration, for the candidates' scores,
which are a table, and for what describes a metric (title, unit, definition), which is in the evaluation's artifact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfg.record import curve
from tfg.record.pieces import starts_of
from tfg.record.results import HEADS, RunResult

PICTURES = "renderings"  # folder of a head: <step>.png, renderings of a held-out frame in the course of its training
CHECKPOINT, PORTRAIT = "last.ckpt", "portrait.npz"
_FACTS = {"definition", "title", "unit", "better", "digits", "curve", "per_frame"}  # of a metric's entry
_TABLES = {"config": None, "selection": {"scores": None}, "schema": None}  # what no summary repeats

Cell = float | str | bool | list[Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Files with a name that says what they are of, and the names of what they were made from."""

    name: str
    kind: str  # clip | selection | features | head | evaluation
    files: dict[str, Path]  # name in the artifact -> file
    made_from: tuple[str, ...]
    facts: dict[str, Any]
    found: bool = False  # another run made it


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """A finished run. `results`: the folder that its paths are relative to."""

    result: RunResult
    results: Path
    summary: dict[str, Cell]

    def curve(self) -> list[tuple[int, dict[str, float]]]:
        """Step -> `<stage>/<term>` -> value, of metrics.csv."""
        path = self.results / self.result.files["curve"] if "curve" in self.result.files else None
        if path is None or not path.is_file():
            return []
        steps: dict[int, dict[str, float]] = {}
        rows, _ = curve.parse(path.read_text(errors="replace"))
        for step, name, value in rows:
            steps.setdefault(step, {})[name] = float(value)
        return sorted(steps.items())

    def pictures(self) -> list[tuple[int, Path]]:
        """Step -> PNG, in order."""
        found = (self.head_folder / PICTURES).glob("*.png")
        return sorted((int(path.stem), path) for path in found if path.stem.isdecimal())

    def candidates(self) -> Table:
        """A row a candidate segment, in the order of selection.json; whether it was chosen."""
        selection = self.result.selection
        scores = [dict(score) | dict(score.get("extras") or {}) for score in selection.get("scores", [])]
        names = dict.fromkeys(name for score in scores for name in score if name != "extras")
        chosen = starts_of(selection) if "start" in selection else ()
        rows = [[*(score.get(name) for name in names), score["start"] in chosen] for score in scores]
        return Table(columns=[*names, "chosen"], rows=rows)

    def media(self) -> dict[str, Path]:
        """Videos and plots that are there: name -> file."""
        files = {name: self.results / file for name, file in self.result.files.items()}
        return {name: path for name, path in files.items() if path.suffix in (".mp4", ".png") and path.is_file()}

    def artifacts(self) -> Iterator[Artifact]:
        """clip -> selection -> features -> head -> evaluation."""
        result, run = self.result, self.results / self.result.run_id
        clip = result.notes.get("clip", {})
        of_clip = f"clip-{str(clip.get('identity', 'unknown'))[:16]}"
        of_selection, of_features, of_head = (
            f"selection-{result.run_id}",
            f"features-{result.head}",
            f"head-{result.head}",
        )
        facts = {key: clip[key] for key in ("name", "identity", "digest", "size") if key in clip}
        yield Artifact(name=of_clip, kind="clip", files={}, made_from=(), facts=facts)
        chosen = {key: result.selection.get(key) for key in ("start", "seconds", "method")}
        files = _there(run, "selection.json", "selection.png")
        yield Artifact(name=of_selection, kind="selection", files=files, made_from=(of_clip,), facts=chosen)
        of_code = {"commit": result.commit, "dirty": result.dirty}
        shown = (of_clip, of_selection)
        files, old = _there(self.head_folder, PORTRAIT), not result.trained
        yield Artifact(name=of_features, kind="features", files=files, made_from=shown, facts=of_code, found=old)
        files = _there(self.head_folder, CHECKPOINT, "head.json")
        yield Artifact(name=of_head, kind="head", files=files, made_from=(of_features,), facts=of_code, found=old)
        files = _there(self.head_folder, result.scores) | _there(run, "result.json")
        scored = {"commit": result.notes.get("scored_at"), "verdict": result.verdict}
        yield Artifact(
            name=f"evaluation-{result.run_id}", kind="evaluation", files=files, made_from=(of_head,), facts=scored
        )

    @property
    def head_folder(self) -> Path:
        return self.results / HEADS / self.result.head


def read(path: Path) -> Mirror:
    """Of a result.json; DamagedRecord names the file that is missing or not readable."""
    result = RunResult.read(path)
    record = json.loads(path.read_text())
    return Mirror(result=result, results=path.parent.parent, summary={**flat(record), "trained": result.trained})


def flat(record: Mapping[str, Any]) -> dict[str, Cell]:
    """`metrics/psnr`, `gains/lmd_low`, `stages/training/seconds` ... -> value, of a result.json.

    A metric stands under its own name, what else its entry has under `<name>_<key>`. What is null is left out, as wandb does: of a
    metric `<name>_unavailable` says why.
    """
    found: dict[str, Cell] = {}

    def add(name: str, value: Cell | None) -> None:
        assert name not in found, f"two values of one name: {name}"
        if value is not None:
            found[name] = value

    def walk(node: Mapping[str, Any], prefix: str, left_out: Mapping[str, Any]) -> None:
        for key, value in node.items():
            if key in left_out and left_out[key] is None:
                continue
            if not isinstance(value, Mapping):
                add(f"{prefix}{key}", value)
            elif "value" in value and "definition" in value:
                add(f"{prefix}{key}", value["value"])
                for name in value.keys() - _FACTS - {"value"}:
                    add(f"{prefix}{key}_{name}", value[name])
            else:
                walk(value, f"{prefix}{key}/", left_out.get(key, {}))

    walk(record, "", _TABLES)
    return dict(sorted(found.items()))


def row(config: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """A run in a table of runs: its summary, and its configuration as `config.<dotted key>`."""
    found: dict[str, Any] = {"run_id": summary["run_id"], **dict(sorted(summary.items()))}

    def walk(node: Mapping[str, Any], prefix: str) -> None:
        for key, value in sorted(node.items()):
            if isinstance(value, Mapping):
                walk(value, f"{prefix}{key}.")
            else:
                found[f"{prefix}{key}"] = value

    walk(config, "config.")
    return found


def metrics_table(mirrors: list[tuple[str, Mirror]]) -> Table:
    """A row a run under its name: its own metrics, those of its controls and what speech gains; None where one has none."""
    kinds = ("metrics/", "controls/", "gains/", "truth/")
    names = dict.fromkeys(name for _, mirror in mirrors for name in mirror.summary if name.startswith(kinds))
    columns = ["run", "run_id", "head", "selection/start", *names]
    rows = [
        [name, *(mirror.summary.get(column) for column in columns[1:])]  # a list: both ends of an interval
        for name, mirror in mirrors
    ]
    return Table(columns=columns, rows=rows)


def markdown(table: Table) -> str:
    """Its rows with bars between, numbers with all their digits; a dash where there is none."""
    lines = [table.columns, ["-"] * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join("-" if cell is None else str(cell) for cell in line) + " |" for line in lines)


def _there(folder: Path, *names: str) -> dict[str, Path]:
    return {name: folder / name for name in names if (folder / name).is_file()}
