"""A run's record: result.json or failure.json in its own folder. Standard library only, so that any tool can read it."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfg.record.files import write_json

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """All that a run says of itself. Metrics: name -> {value | null, unavailable, definition, per_frame?}."""

    run_id: str
    group: str
    config: dict[str, Any]
    selection: dict[str, Any]
    stages: dict[str, dict[str, Any]]  # name -> {seconds, peak_mb, frames}
    metrics: dict[str, dict[str, Any]]
    baselines: dict[str, dict[str, dict[str, Any]]]  # static, nearest -> metrics
    truth: dict[str, dict[str, Any]]  # the truth scored against itself
    files: dict[str, str]  # what it is -> path relative to the run folder
    commit: str
    dirty: bool
    machine: dict[str, Any]
    notes: dict[str, Any] = field(default_factory=dict)  # engine, camera error, number of Gaussians ...
    schema: int = SCHEMA

    def write(self, folder: Path) -> Path:
        return write_json(folder / "result.json", asdict(self))

    @staticmethod
    def read(path: Path) -> RunResult:
        """Read result.json; ValueError names the file when it is not one or of another schema."""
        try:
            record = json.loads(path.read_text())
            if record["schema"] != SCHEMA:
                raise ValueError(f"schema {record['schema']}, this tfg reads {SCHEMA}")
            return RunResult(**record)
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a readable result ({error})") from error


def load_all(root: Path) -> list[RunResult]:
    """Every finished run below a results folder, by run id."""
    return [RunResult.read(path) for path in sorted(root.glob("*/result.json"))]


def write_failure(folder: Path, *, stage: str, message: str, trace: str, user: bool) -> Path:
    """`user`: the input is to blame, not the program."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"stage": stage, "message": message, "trace": trace, "user": user, "time": time.time()}
    return write_json(folder / "failure.json", record)


def commit() -> tuple[str, bool]:
    """Commit and dirty flag of the code in use; ("unknown", True) outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head, bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", True


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def machine() -> dict[str, Any]:
    """What the run ran on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor() or "unknown",
    )
    return {"host": socket.gethostname(), "cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
