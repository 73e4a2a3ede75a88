"""What a tracker is, and under which names it is given a run. No library of a tracker is imported here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tfg.record import identity
from tfg.trackers.mirror import Mirror, Table

RUN, SWEEP = "run", "sweep"  # kinds of what is tracked: wandb's job type
_TAG_LENGTH = 64  # the most that wandb takes


@dataclass(frozen=True, kw_only=True)
class Named:
    """A run as a tracker lists it."""

    run_id: str  # the same again for the same configuration
    name: str  # of the axes that vary in its sweep, else its folder's
    group: str
    kind: str  # RUN or SWEEP
    tags: tuple[str, ...]
    config: dict[str, Any]
    folder: Path  # of its own files


class Tracker(Protocol):
    def curve(self, step: int, values: Mapping[str, float]) -> None:
        """The numbers of a training step, as metrics.csv has them: `<stage>/<term>` -> value."""
        ...

    def picture(self, step: int, path: Path) -> None:
        """A held-out frame as the head rendered it after so many steps, beside the truth: a PNG."""
        ...

    def record(self, mirror: Mirror) -> None:
        """All of a finished run but its curve and those pictures."""
        ...

    def table(self, name: str, table: Table) -> None:
        """Of a whole sweep."""
        ...

    def finish(self, *, failed: bool) -> None:
        """Nothing more comes."""
        ...


Opened = TypeVar("Opened", bound=Tracker)


class NullTracker:
    def curve(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def picture(self, step: int, path: Path) -> None:
        pass

    def record(self, mirror: Mirror) -> None:
        pass

    def table(self, name: str, table: Table) -> None:
        pass

    def finish(self, *, failed: bool) -> None:
        pass


def named(config: dict[str, Any], folder: Path) -> Named:
    """Of a run's resolved configuration. Tags: its options, and `axis=value` of what varies in its sweep."""
    varied = identity.varied(config)
    options = [config[axis]["name"] for axis in ("selector", "backbone", "audio")]
    tags = [*options, *(f"{axis}={value}" for axis, value in varied.items())]
    return Named(
        run_id=folder.name,
        name=identity.label(config) if varied else folder.name,
        group=str(config.get("group")),
        kind=RUN,
        tags=tuple(dict.fromkeys(tag[:_TAG_LENGTH] for tag in tags)),
        config=config,
        folder=folder,
    )


def sweep_named(group: str, folder: Path) -> Named:
    """Of what is tracked of a sweep as a whole: the same again for the same group."""
    return Named(
        run_id=f"sweep-{group}", name=f"sweep {group}", group=group, kind=SWEEP, tags=(), config={}, folder=folder
    )


def replay(tracker: Tracker, mirror: Mirror) -> None:
    """Curve and pictures of a training that is over."""
    for step, values in mirror.curve():
        tracker.curve(step, values)
    for step, path in mirror.pictures():
        tracker.picture(step, path)


@contextmanager
def finished(tracker: Opened) -> Iterator[Opened]:
    """The tracker, finished at the end of the block: as failed where that raises, so that no other run logs into it."""
    failed = True
    try:
        yield tracker
        failed = False
    finally:
        tracker.finish(failed=failed)


def first_line(error: Exception) -> str:
    """Of what an error says, else its kind."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
