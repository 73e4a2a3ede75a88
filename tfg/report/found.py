"""What lies in a results folder: finished runs, failed and unfinished ones, and records that cannot be read, each by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfg.record.results import HEADS, DamagedRecord, RunResult, read_failure

# What a record that another tfg or another hand wrote can raise where its parts are not as this one writes them.
BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_OF_A_RUN = ("result.json", "failure.json", "config.yaml")


@dataclass(frozen=True, kw_only=True)
class Failure:
    name: str  # of the run's folder
    stage: str
    message: str
    trace: str  # empty where none was written


@dataclass(frozen=True, kw_only=True)
class Found:
    finished: list[Path]  # folders with a result.json, in the order of their names
    failures: list[Failure]
    unfinished: list[str]  # folders of runs with neither: interrupted, or running
    damaged: list[str]  # a line each


def found(results: Path) -> Found:
    """Every run folder of a results folder, sorted by what is in it."""
    finished: list[Path] = []
    failures: list[Failure] = []
    unfinished: list[str] = []
    damaged: list[str] = []
    for folder in sorted(results.iterdir()):
        if folder.name == HEADS or folder.name.startswith(".") or not _is_run(folder):
            continue
        if (folder / "result.json").exists():
            finished.append(folder)
        elif (folder / "failure.json").exists():
            try:
                failures.append(_failure(folder))
            except DamagedRecord as error:
                damaged.append(str(error))
        else:
            unfinished.append(folder.name)
    return Found(finished=finished, failures=failures, unfinished=unfinished, damaged=damaged)


def read(folder: Path) -> RunResult:
    """DamagedRecord names the file that cannot be read, or whose run is not that of its folder."""
    path = folder / "result.json"
    try:
        result = RunResult.read(path)
    except BROKEN as error:
        if isinstance(error, DamagedRecord):
            raise
        raise damage(path, error) from error
    if result.run_id != folder.name:
        raise DamagedRecord(f"{path}: is the record of {result.run_id}, not of its folder; move it there")
    return result


def damage(path: Path, error: Exception) -> DamagedRecord:
    """In one line, where a record is readable but not what it should be."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return DamagedRecord(f"{path}: not a record of this tfg ({reason}); run the same command again")


def _is_run(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).exists() for name in _OF_A_RUN)


def _failure(folder: Path) -> Failure:
    record = read_failure(folder)
    trace = record.get("trace")
    return Failure(
        name=folder.name,
        stage=record["stage"],
        message=record["message"],
        trace=trace if isinstance(trace, str) else "",
    )
