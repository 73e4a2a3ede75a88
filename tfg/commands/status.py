"""`tfg status`: how far the runs of a results folder are, from any machine that sees it; nothing but files is looked at."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfg.estimate import clock
from tfg.record import claims, standing
from tfg.record.results import HEADS, DamagedRecord, read_failure
from tfg.types import InputError

DONE, RUNNING, WAITING, FAILED, INTERRUPTED = "done", "running", "waiting", "failed", "interrupted"
STATES = (DONE, RUNNING, WAITING, FAILED, INTERRUPTED)
TIMED = 50  # finished runs that time left is judged by
_BEGUN = ("config.yaml", "result.json", "failure.json", claims.NAME)


@dataclass(frozen=True, kw_only=True)
class State:
    """Of one run."""

    run: str
    state: str  # one of STATES
    says: str = ""  # stage and rate of one that runs, why one failed
    seconds: float = 0.0  # since it was begun or gone on with; 0 where it does not run


def run(options: argparse.Namespace) -> int:
    results = Path(options.results)
    if not results.is_dir():
        raise InputError(f"{results}: no such folder; give the results folder of a sweep")
    states = of_folder(results)
    left = seconds_left(results, states)
    if options.json:
        counts = {name: sum(state.state == name for state in states) for name in STATES}
        print(json.dumps({**counts, "seconds_left": left, "runs": [asdict(state) for state in states]}))
    else:
        print("\n".join(lines(results, states, left)))
    return 0


def of_folder(results: Path) -> list[State]:
    """Every run that is there or that a sweep has announced."""
    begun = sorted(path.name for path in results.iterdir() if _is_run(path))
    return [_state(results / name) for name in dict.fromkeys([*standing.expected(results), *begun])]


def lines(results: Path, states: Sequence[State], left: float | None) -> list[str]:
    """What is printed."""
    counts = {name: sum(state.state == name for state in states) for name in STATES}
    shown = [f"{count} {name}" for name, count in counts.items() if count and name != DONE]
    text = f"{results}: {counts[DONE]} of {len(states)} runs done{''.join(f', {part}' for part in shown)}"
    if left is not None:
        text += f"; about {clock(left)} left, if they take as long as those that are done"
    elif counts[RUNNING] or counts[WAITING]:
        text += "; time left is not known before a run is done"
    listed = [text]
    for name in (RUNNING, FAILED, INTERRUPTED):
        listed += [
            f"  {name}  {state.run}{': ' if state.says else ''}{state.says}" for state in states if state.state == name
        ]
    if counts[INTERRUPTED] or counts[FAILED]:
        listed.append("the same command goes on with what is interrupted, and tries again what failed")
    return listed


def seconds_left(results: Path, states: Sequence[State]) -> float | None:
    """By what the last finished runs took, with as many at once as run now; None where that is not known or nothing is left."""
    running = [state for state in states if state.state == RUNNING]
    waiting = sum(state.state == WAITING for state in states)
    if not running and not waiting:
        return None
    took = [seconds for state in states if state.state == DONE for seconds in [_took(results / state.run)] if seconds][
        -TIMED:
    ]
    if not took:
        return None
    mean = sum(took) / len(took)
    return (waiting * mean + sum(max(mean - state.seconds, 0.0) for state in running)) / max(len(running), 1)


def _is_run(path: Path) -> bool:
    if path.name == HEADS or path.name.startswith(".") or not path.is_dir():
        return False
    return any((path / name).exists() for name in _BEGUN)


def _state(folder: Path) -> State:
    if (folder / "result.json").exists():
        return State(run=folder.name, state=DONE)
    if claims.is_held(folder / claims.NAME):
        owner = claims.owner_of(folder / claims.NAME)
        seconds = max(time.time() - owner.began, 0.0) if owner and owner.began else 0.0
        where = f", for {clock(seconds)} by {owner.text()}" if owner else ""
        return State(run=folder.name, state=RUNNING, says=_how_far(folder) + where, seconds=seconds)
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


def _took(folder: Path) -> float | None:
    """Wall seconds of all stages of a run that trained its head."""
    try:
        stages = json.loads((folder / "result.json").read_text())["stages"]
        return float(sum(stage["seconds"] for stage in stages.values()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
