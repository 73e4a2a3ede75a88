"""How far a run is, in a file beside its results that any machine can read: `progress.json`, there while the run goes on.

And which runs a sweep will have, for those that have not begun: `.sweeps/cells-<hash>.json`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfg.progress import HowFar, followed
from tfg.record import identity
from tfg.record.files import write_json

if TYPE_CHECKING:
    from tfg.types import Bytes

NAME = "progress.json"
SWEEPS = ".sweeps"
SECONDS_BETWEEN_WRITES = 5.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")  # of a folder in the results folder, as runs are named


class Standing:
    """Follower of one run; writes its stage, and how far that is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stage = "start"
        self._next = 0.0

    def line(self, text: str) -> None:
        pass

    def stage(self, name: str) -> None:
        self._stage = name
        self._write(None)

    def advanced(self, how_far: HowFar) -> None:
        if time.monotonic() >= self._next:
            self._write(how_far)

    def selected(self, chosen: Mapping[str, Any]) -> None:
        pass

    def pictured(self, step: int, made: Bytes, truth: Bytes) -> None:
        pass

    def _write(self, how_far: HowFar | None) -> None:
        self._next = time.monotonic() + SECONDS_BETWEEN_WRITES
        work = None if how_far is None else asdict(how_far)
        with suppress(OSError):  # what the run itself cannot write ends it with its own line
            write_json(self.path, {"stage": self._stage, "work": work, "time": time.time()})


@contextmanager
def noted(folder: Path) -> Iterator[None]:
    """Inside the block `progress.json` says how far the run in hand is."""
    standing = Standing(folder / NAME)
    try:
        with followed(standing, pictures=False):
            yield
    finally:
        standing.path.unlink(missing_ok=True)


def read(folder: Path) -> dict[str, Any] | None:
    """What a run wrote last; None where it has written nothing that can be read."""
    try:
        record = json.loads((folder / NAME).read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "stage" in record else None


def expect(results: Path, runs: Mapping[str, str]) -> Path:
    """Write which runs a sweep will have and of which kind each is (kinds.Kind.digest); the same sweep again is the same file."""
    folder = results / SWEEPS
    folder.mkdir(parents=True, exist_ok=True)
    return write_json(folder / f"cells-{identity.sweep_id(runs)}.json", {"runs": dict(runs)})


def expected(results: Path) -> dict[str, str]:
    """Runs of all sweeps that were begun here and the kind of each, "" where it is not known, in the order of their sweeps and cells.

    A file that cannot be read names none, and a name that is no folder's in `results` is left out.
    """
    found: dict[str, str] = {}
    for path in sorted((results / SWEEPS).glob("cells-*.json"), key=lambda path: path.stat().st_mtime):
        with suppress(OSError, ValueError, KeyError, TypeError):
            runs = json.loads(path.read_text())["runs"]
            kinds = runs if isinstance(runs, dict) else dict.fromkeys(runs, "")  # a list as tfg wrote it first
            found |= {str(run): str(kind) for run, kind in kinds.items() if _NAME.fullmatch(str(run))}
    return found
