"""`tfg status`: how far the runs of a results folder are, from any machine that sees it; nothing but files is looked at."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tfg.progress import clock
from tfg.record import kinds, standing, states
from tfg.record.kinds import Took
from tfg.record.states import DAMAGED, DONE, FAILED, INTERRUPTED, RUNNING, STATES, WAITING, State
from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class Left:
    """Until every run has ended that runs or waits."""

    seconds: float
    by: str  # the finished runs that it follows from


def run(options: argparse.Namespace) -> int:
    results = Path(options.results)
    if not results.is_dir():
        raise InputError(f"{results}: no such folder; give the results folder of a sweep")
    found = states.of_folder(results)
    left = left_of(results, found)
    if options.json:
        known = {"seconds_left": left and left.seconds, "seconds_left_by": left and left.by}
        print(json.dumps({**_counts(found), **known, "runs": [asdict(state) for state in found]}))
    else:
        print("\n".join(lines(results, found, left)))
    return 0


def lines(results: Path, found: Sequence[State], left: Left | None) -> list[str]:
    """What is printed."""
    counts = _counts(found)
    shown = [f"{count} {name}" for name, count in counts.items() if count and name != DONE]
    text = f"{results}: {counts[DONE]} of {len(found)} runs done{''.join(f', {part}' for part in shown)}"
    if left is not None:
        text += f"; about {clock(left.seconds)} left, {left.by}"
    elif counts[RUNNING] or counts[WAITING]:
        text += "; time left is not known before a run is done"
    listed = [text]
    for name in (RUNNING, FAILED, DAMAGED, INTERRUPTED):
        listed += [
            f"  {name}  {state.run}{': ' if state.says else ''}{state.says}" for state in found if state.state == name
        ]
    if counts[INTERRUPTED] or counts[FAILED] or counts[DAMAGED]:
        listed.append(
            "the same command goes on with what is interrupted, tries again what failed, and makes what is damaged anew"
        )
    return listed


def left_of(results: Path, found: Sequence[State]) -> Left | None:
    """By the newest finished runs of the kind of each run that runs or waits, with as many at once as run now.

    Where none of its kind is done by all of them; None where none is done, or nothing is left.
    """
    ahead = [state for state in found if state.state in (RUNNING, WAITING)]
    done = list(kinds.newest(results)) if ahead else []
    if not done:
        return None
    wanted = standing.expected(results)
    used: dict[str, list[Took]] = {}  # kind -> those of it
    alike, total = 0, 0.0
    for state in ahead:
        kind = wanted.get(state.run, "")
        used.setdefault(kind, [one for one in done if one.kind.digest == kind])
        alike += bool(used[kind])
        took = used[kind] or done
        total += max(sum(one.seconds for one in took) / len(took) - state.seconds, 0.0)
    running = sum(state.state == RUNNING for state in ahead)
    by = _by([one for of_kind in used.values() for one in of_kind], alike, len(ahead), len(done))
    return Left(seconds=total / max(running, 1), by=by)


def _by(used: Sequence[Took], alike: int, ahead: int, done: int) -> str:
    """`used`: of the kinds of `alike` of the runs `ahead`; the others follow from all `done` that were read."""
    of_all = f"{done} finished run{'s' if done > 1 else ''}"
    if not used:
        return f"by {of_all}, none of which is known to be of the same kind"
    texts = list(dict.fromkeys(one.kind.text for one in used))
    runs = f"{len(used)} finished run{'s' if len(used) > 1 else ''}"
    said = f"by {runs} of the same kind{'s' if len(texts) > 1 else ''} ({'; '.join(texts)})"
    return said if alike == ahead else f"{said}, and by {of_all} of any kind for the other {ahead - alike}"


def _counts(found: Sequence[State]) -> dict[str, int]:
    return {name: sum(state.state == name for state in found) for name in STATES}
