"""How far a long computation is, on stderr: a bar on a terminal, a plain line now and then in a log, nothing when it is short."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS_BETWEEN_LINES = 10.0
_shown: list[str] = []  # labels of the work in hand; only the outermost is drawn


@contextmanager
def progress(label: str, total: int, unit: str = "frames") -> Iterator[Callable[[int], None]]:
    """Inside the block, the given function is called with the number of frames (or another unit) just done."""
    if total == 0 or _shown:
        yield lambda done: None
        return
    _shown.append(label)
    try:
        if sys.stderr.isatty():
            with _bar(label, total) as advance:
                yield advance
        else:
            yield _lines(label, total, unit)
    finally:
        _shown.clear()


@contextmanager
def _bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda frames: bar.advance(task, frames)


def _lines(label: str, total: int, unit: str) -> Callable[[int], None]:
    done = 0
    printed = time.monotonic()

    def advance(frames: int) -> None:
        nonlocal done, printed
        done += frames
        if time.monotonic() - printed >= SECONDS_BETWEEN_LINES:
            printed = time.monotonic()
            print(f"tfg: {label}: {done} of {total} {unit}", file=sys.stderr, flush=True)

    return advance
