"""What lies in a results folder: runs that are finished, failed, run, wait or were interrupted, and records that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfg.record import states
from tfg.record.results import DamagedRecord, RunResult, read_failure
from tfg.record.states import DAMAGED, DONE, FAILED, INTERRUPTED, RUNNING, WAITING, State

# What a record that another tfg or another hand wrote can raise where its parts are not as this one writes them.
BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_ORDER = (RUNNING, WAITING, INTERRUPTED)


@dataclass(frozen=True, kw_only=True)
class Failure:
    name: str  # of the run's folder
    stage: str
    message: str
    trace: str  # empty where none was written


@dataclass(frozen=True, kw_only=True)
class Found:
    finished: list[Path]  # folders with a result.json, be it damaged, in the order of their names
    failures: list[Failure]
    unfinished: list[State]  # that run, wait or were interrupted, in this order
    damaged: list[str]  # a line each


def found(results: Path) -> Found:
    """Every run of a results folder by its state, as `tfg status` has it; finished and failed ones in the order of their names."""
    finished: list[Path] = []
    failures: list[Failure] = []
    unfinished: list[State] = []
    damaged: list[str] = []
    for state in states.of_folder(results):
        folder = results / state.run
        if state.state in (DONE, DAMAGED):
            finished.append(folder)
        elif state.state == FAILED:
            try:
                failures.append(_failure(folder))
            except DamagedRecord as error:
                damaged.append(str(error))
        else:
            unfinished.append(state)
    return Found(
        finished=sorted(finished),
        failures=sorted(failures, key=lambda failure: failure.name),
        unfinished=sorted(unfinished, key=lambda state: _ORDER.index(state.state)),
        damaged=sorted(damaged),
    )


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


def _failure(folder: Path) -> Failure:
    record = read_failure(folder)
    trace = record.get("trace")
    return Failure(
        name=folder.name,
        stage=record["stage"],
        message=record["message"],
        trace=trace if isinstance(trace, str) else "",
    )
