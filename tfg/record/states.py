"""The state of every run of a results folder, by its files alone, on any machine that sees the folder. Standard library only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfg.progress import clock
from tfg.record import claims, standing
from tfg.record.results import HEADS, DamagedRecord, RunRecord, read_failure

DONE, RUNNING, WAITING, FAILED, INTERRUPTED = "done", "running", "waiting", "failed", "interrupted"
DAMAGED = "damaged"  # its result.json cannot be read
STATES = (DONE, RUNNING, WAITING, FAILED, DAMAGED, INTERRUPTED)
_BEGUN = ("config.yaml", "result.json", "failure.json", claims.NAME)


@dataclass(frozen=True, kw_only=True)
class State:
    """Of one run."""

    run: str
    state: str  # one of STATES
    says: str = ""  # stage and rate of one that runs, why one failed or cannot be read
    seconds: float = 0.0  # since it was begun or gone on with; 0 where it does not run


def of_folder(results: Path) -> list[State]:
    """Every run that is there or that a sweep has announced: these first, in their order, then the others by name."""
    begun = sorted(path.name for path in results.iterdir() if _is_run(path))
    return [_state(results / name) for name in dict.fromkeys([*standing.expected(results), *begun])]


def _is_run(path: Path) -> bool:
    if path.name == HEADS or path.name.startswith(".") or not path.is_dir():
        return False
    return any((path / name).exists() for name in _BEGUN)


def _state(folder: Path) -> State:
    damage = None
    if (folder / "result.json").exists():
        try:
            RunRecord.read(folder / "result.json")
            return State(run=folder.name, state=DONE)
        except DamagedRecord as error:
            damage = str(error)
    if claims.is_held(folder / claims.NAME):
        owner = claims.owner_of(folder / claims.NAME)
        seconds = max(time.time() - owner.began, 0.0) if owner and owner.began else 0.0
        where = f", for {clock(seconds)} by {owner.text()}" if owner else ""
        return State(run=folder.name, state=RUNNING, says=_how_far(folder) + where, seconds=seconds)
    if damage is not None:
        return State(run=folder.name, state=DAMAGED, says=damage)
    if (folder / "failure.json").exists():
        try:
            failure = read_failure(folder)
            return State(run=folder.name, state=FAILED, says=f"in {failure['stage']}: {failure['message']}")
        except DamagedRecord as error:
            return State(run=folder.name, state=FAILED, says=str(error))
    if not folder.exists():
        return State(run=folder.name, state=WAITING)
    at = standing.read(folder)
    return State(run=folder.name, state=INTERRUPTED, says=f"in {at['stage']}" if at else "")


def _how_far(folder: Path) -> str:
    at = standing.read(folder)
    if at is None:
        return "starting"
    work: dict[str, Any] | None = at.get("work")
    if not work:
        return str(at["stage"])
    noted = f", {work['note']}" if work.get("note") else ""
    return f"{at['stage']}, {work['done']} of {work['total']} {work['unit']}, {work['rate']:.1f}/s{noted}"
