"""What is being done and how far it is, on stderr: bars on a terminal; in a log plain lines with the run's name, now and then.

Who follows a run (`followed`) is given the same, and what only a picture can show.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tfg.types import Bytes

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_DRAWINGS = 0.2
SECONDS_BETWEEN_MEASURES = 0.5  # that a follower is given
_working: list[str] = []  # labels of the work in hand; only the outermost is drawn
_run: list[str] = []  # name of the run in hand
_followers: list[Follower] = []
_shown_pictures: list[Follower] = []  # of them
_lines_only = False  # several processes write to one terminal


class Advance(Protocol):
    """Called with the number of units just done; `note` is called only when it is shown."""

    def __call__(self, done: int, note: Callable[[], str] | None = None) -> None: ...


@dataclass(frozen=True, kw_only=True)
class HowFar:
    """Of one piece of work."""

    label: str
    done: int
    total: int
    unit: str
    rate: float  # units a second since it was begun or gone on with
    note: str


class Follower(Protocol):
    """Is given a run as it goes, in the run's own thread, which waits for it."""

    def line(self, text: str) -> None: ...

    def stage(self, name: str) -> None: ...

    def advanced(self, how_far: HowFar) -> None: ...

    def selected(self, chosen: Mapping[str, Any]) -> None:
        """A selection.json."""
        ...

    def pictured(self, step: int, made: Bytes, truth: Bytes) -> None:
        """A held-out frame as the head is rendered after so many steps, and as it was filmed: (size, size, 3) each."""
        ...


@contextmanager
def followed(follower: Follower, *, pictures: bool = True) -> Iterator[None]:
    """Inside the block it is given what is shown on stderr, and `pictures` as well, which take time to make."""
    lists = [_followers, _shown_pictures] if pictures else [_followers]
    for one in lists:
        one.append(follower)
    try:
        yield
    finally:
        for one in lists:
            one.remove(follower)


def followers() -> tuple[Follower, ...]:
    """Those that are given pictures."""
    return tuple(_shown_pictures)


@contextmanager
def run(name: str, title: str) -> Iterator[None]:
    """Inside the block lines of a log begin with the run's `name`; on a terminal its `title` is shown once, above them."""
    if _on_terminal():
        print(f"tfg: {title}", file=sys.stderr, flush=True)
    _run.append(name)
    try:
        yield
    finally:
        _run.pop()


def lines_only() -> None:
    """From now on as in a log, also on a terminal: other processes write to it too."""
    global _lines_only
    _lines_only = True


def say(text: str) -> None:
    """One line."""
    _print(text)
    for follower in _followers:
        follower.line(text)


def stage(name: str) -> None:
    """A stage of a run begins."""
    _print(name)
    for follower in _followers:
        follower.stage(name)


@contextmanager
def progress(label: str, total: int, unit: str = "frames", done: int = 0) -> Iterator[Advance]:
    """Inside the block, the given function is called with the number of frames (or another unit) just done; `done` are so already."""
    if total <= done or _working:
        yield lambda done, note=None: None
        return
    _working.append(label)
    try:
        if _on_terminal():
            with _bar(label, total, unit, done) as advance:
                yield _also_followed(advance, label, total, unit, done)
        else:
            yield _also_followed(_lines(label, total, unit, done), label, total, unit, done)
    finally:
        _working.clear()


@contextmanager
def _bar(label: str, total: int, unit: str, first: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, completed=first, rate="", note="")
        began, drawn, count = time.monotonic(), 0.0, first

        def advance(done: int, note: Callable[[], str] | None = None) -> None:
            nonlocal drawn, count
            count += done
            now = time.monotonic()
            if now - drawn < SECONDS_BETWEEN_DRAWINGS and count < total:
                return
            drawn = now
            rate = f"{(count - first) / max(now - began, 1e-9):.1f} {unit}/s"
            bar.update(task, completed=count, rate=rate, note=note() if note else "")

        yield advance


def _lines(label: str, total: int, unit: str, first: int) -> Advance:
    count, began = first, time.monotonic()
    printed = began

    def advance(done: int, note: Callable[[], str] | None = None) -> None:
        nonlocal count, printed
        count += done
        now = time.monotonic()
        if now - printed < SECONDS_BETWEEN_LINES:
            return
        printed = now
        rate = (count - first) / (now - began)
        left = clock((total - count) / rate) if rate > 0 else "unknown"
        noted = f", {note()}" if note else ""
        _print(f"{label}: {count} of {total} {unit}, {rate:.1f}/s, {left} left{noted}")

    return advance


def selected(chosen: Mapping[str, Any]) -> None:
    """The segment of a run is chosen: a selection.json. Only followers show it here."""
    for follower in _followers:
        follower.selected(chosen)


def _also_followed(shown: Advance, label: str, total: int, unit: str, first: int) -> Advance:
    if not _followers:
        return shown
    count, began = first, time.monotonic()
    given = began - SECONDS_BETWEEN_MEASURES

    def advance(done: int, note: Callable[[], str] | None = None) -> None:
        nonlocal count, given
        shown(done, note)
        count += done
        now = time.monotonic()
        if now - given < SECONDS_BETWEEN_MEASURES and count < total:
            return
        given = now
        rate = (count - first) / max(now - began, 1e-9)
        noted = note() if note else ""
        measure = HowFar(label=label, done=count, total=total, unit=unit, rate=rate, note=noted)
        for follower in _followers:
            follower.advanced(measure)

    return advance


def _print(text: str) -> None:
    print(f"{_prefix()}{text}", file=sys.stderr, flush=True)


def _on_terminal() -> bool:
    return sys.stderr.isatty() and not _lines_only


def counted(count: int, what: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def clock(seconds: float) -> str:
    """`1:02:03`, `2:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _prefix() -> str:
    if _on_terminal():
        return "  " if _run else "tfg: "
    return f"tfg: {_run[-1]}: " if _run else "tfg: "
