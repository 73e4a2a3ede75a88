"""A sweep as a whole: what is checked before its first run starts, and the table after its last."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from tfg.record import evaluations as kept
from tfg.record.files import write_text
from tfg.record.metrics import formatted, header, titled
from tfg.record.results import RunResult
from tfg.types import InputError

_COLUMNS = (
    "psnr_face",
    "psnr",
    "ssim_face",
    "lpips",
    "lmd",
    "mouth_correlation",
    "mouth_lag",
    "mouth_correlation_shuffled",
    "sync_c",
    "sync_c_listener",
    "identity",
)
_FULL_FRAME = ("psnr", "ssim", "lpips")  # of the columns those that no face reader has a part in


def group() -> str:
    """Name of a sweep in the tracker: when it began."""
    return time.strftime("%Y%m%d-%H%M%S")


def check(config: DictConfig) -> None:
    """Everything of one cell that can be known to be wrong before any run starts; InputError names the key or file."""
    import torch

    from tfg import pipeline
    from tfg.engines.choose import ENGINES

    for key in ("seconds", "stride_seconds"):
        value = config[key]
        if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise InputError(f"{key}={value}: must be a number of seconds above 0")
    if not isinstance(config.seed, int) or config.seed < 0:
        raise InputError(f"seed={config.seed}: must be a whole number, 0 or above")
    if not isinstance(config.trainer.size, int) or not 32 <= config.trainer.size <= 1024:
        raise InputError(f"trainer.size={config.trainer.size}: must be a whole number of pixels from 32 to 1024")
    every = config.trainer.checkpoint_every
    if not isinstance(every, int) or every < 1:
        raise InputError(f"trainer.checkpoint_every={every}: must be a whole number of steps, 1 or above")
    for key, allowed in (("profile", ("cpu", "gpu")), ("device", ("cpu", "cuda"))):
        if config.trainer[key] not in allowed:
            raise InputError(f"trainer.{key}={config.trainer[key]}: allowed are {', '.join(allowed)}")
    if config.trainer.device == "cuda" and not torch.cuda.is_available():
        raise InputError("trainer.device=cuda: no CUDA card is found here; use trainer=cpu")
    engine, device = config.backbone.engine, config.trainer.device
    if engine not in ENGINES or (engine in ("cpu", "cuda") and engine != device):
        raise InputError(f"backbone.engine={engine}: on trainer.device={device} allowed are auto, torch, {device}")
    if config.group is not None and not re.fullmatch(r"[\w.-]+", str(config.group)):
        raise InputError(f"group={config.group}: it names files; use letters, digits, dots, dashes and underscores")
    check_folder("results", config.results)
    pipeline.check(config)


def check_folder(key: str, value: object) -> None:
    """Files can be made in this folder, or it can be made; InputError naming the key where not."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{key}={value}: must be the path of a folder, such as results")
    folder = _existing(Path(value))
    if not folder.is_dir():
        raise InputError(f"{key}={value}: {folder} is a file; give a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{key}={value}: {folder} may not be written to; give a folder of yours")


def _existing(path: Path) -> Path:
    """The path or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def report(configs: list[DictConfig]) -> int:
    """Print the table of these cells, write it to results/, list failures; exit code 0, 1, or 2 for bad input only."""
    from tfg import pipeline

    folders = [pipeline.run_folder(config) for config in configs]
    done = [(folder, RunResult.read(folder / "result.json")) for folder in folders if (folder / "result.json").exists()]
    failed = [folder for folder in folders if (folder / "failure.json").exists()]
    if done:
        root = Path(configs[0].results)
        table = markdown([result for _, result in done], evaluations(root))
        path = root / f"table-{_table_name(configs[0], [folder.name for folder in folders])}.md"
        write_text(path, table + "\n")
        print(table)
        for folder, result in done:
            print(f"{result.run_id}\n  video  {folder / result.files['side_by_side']}")
            print(f"  plot   {folder / result.files['selection_plot']}")
        print(f"table: {path}")
    codes = []
    for folder in failed:
        failure = json.loads((folder / "failure.json").read_text())
        if len(folders) > 1:  # a single run has said so just before
            print(f"tfg: {folder.name} failed in {failure['stage']}: {failure['message']}", file=sys.stderr)
        codes.append(2 if failure["user"] else 1)
    missing = len(folders) - len(done) - len(failed)
    if missing:
        print(
            f"tfg: {missing} of {len(folders)} runs did not finish; the same command goes on with them", file=sys.stderr
        )
        full = shutil.disk_usage(_existing(Path(configs[0].results))).free < 2**16  # not even failure.json finds room
        codes.append(2 if full else 1)
    return max(codes, default=0) if 1 not in codes else 1


def evaluations(root: Path) -> list[dict[str, Any]]:
    """What `tfg evaluate --name` kept below a results folder, in the order of names; a damaged file is named in one line."""
    records, problems = kept.read_all(root)
    for problem in problems:
        print(f"tfg: {problem}", file=sys.stderr)
    return records


def markdown(results: list[RunResult], others: Sequence[dict[str, Any]] = ()) -> str:
    """One row a run, its baselines, its truth against itself, and other methods scored on the same true video.

    A missing number shows as a dash, its reasons below the table.
    """
    entries = [metrics for result in results for metrics in (result.metrics, result.truth)]
    shown = {name: next((found[name] for found in entries if name in found), None) for name in _COLUMNS}
    head = ["run", "start s", *[header(entry) if entry else name for name, entry in shown.items()], "train s"]
    rows: list[list[str]] = []
    reasons: dict[str, list[str]] = {}
    joined: dict[str, str] = {}  # digest of a true video -> how its runs' faces were read
    for result in results:
        start, seconds = result.selection["start"], result.stages["training"]["seconds"]
        name = f"{_name(result, 'selector')} {_name(result, 'backbone')}"
        rows.append([name, f"{start:.2f}", *_cells(name, result.metrics, reasons), f"{seconds:.0f}"])
        for source, metrics in {**result.baselines, "ground truth": result.truth}.items():
            label = source if source == "ground truth" else f"baseline {source}"
            rows.append([f"  {label}", f"{start:.2f}", *_cells(label, metrics, reasons), "-"])
        joined[str(result.notes.get("truth_digest"))] = str(result.metrics.get("lmd", {}).get("definition"))
    for other in others:
        if (reading := joined.get(other["digests"][1])) is not None:
            name = f"{other['name']} ({Path(other['pred']).name})"
            rows.append([name, "-", *_cells(name, _comparable(other, reading), reasons), "-"])
            reasons.setdefault("Scored on decoded files: compare with the runs' psnr_decoded and the like", []).append(
                name
            )
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [_line(head, widths), "|" + "|".join("-" * (w + 2) for w in widths) + "|"]
    lines += [_line(row, widths) for row in rows]
    return "\n".join([*lines, *(f"{reason} ({', '.join(names)})" for reason, names in reasons.items())])


def _comparable(other: dict[str, Any], reading: str) -> dict[str, dict[str, Any]]:
    """The metrics of another method's video that may stand in one column with runs whose faces were read like that."""
    if other["reader"] in reading:
        return other["metrics"]
    hidden = {
        "value": None,
        "unavailable": "its faces were not read as the runs' were; run with face=mediapipe to compare",
    }
    return {name: metric if name in _FULL_FRAME else metric | hidden for name, metric in other["metrics"].items()}


def _table_name(config: DictConfig, runs: list[str]) -> str:
    """The sweep's own name where it was given one, else one of its runs: the same command writes the same file."""
    named = config.group is not None and not re.fullmatch(r"\d{8}-\d{6}", str(config.group))
    return str(config.group) if named else hashlib.sha256("\n".join(sorted(runs)).encode()).hexdigest()[:8]


def _name(result: RunResult, axis: str) -> str:
    return str(result.config[axis]["name"])


def _cells(row: str, metrics: dict[str, dict[str, Any]], reasons: dict[str, list[str]]) -> list[str]:
    """One cell a column; empty where the metric does not exist for this row. Reasons: sentence -> rows."""
    cells = []
    for name in _COLUMNS:
        metric = metrics.get(name)
        if metric is None:
            cells.append("")
        elif metric["value"] is None:
            cells.append("-")
            rows = reasons.setdefault(f"{titled(metric)}: unavailable: {metric['unavailable']}", [])
            if row not in rows:
                rows.append(row)
        else:
            cells.append(formatted(metric))
    return cells


def _line(row: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
