"""The tracker that `tracker=` names, kept from doing harm: one that fails is left out of the rest of the run, in one line."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tfg.progress import say
from tfg.trackers.base import Named, NullTracker, Tracker, finished, first_line
from tfg.trackers.mirror import Mirror, Table
from tfg.types import InputError

# Tracker -> its keys that have a few allowed values. Here, because checking them loads none of the libraries.
TRACKERS: dict[str, dict[str, tuple[str, ...]]] = {
    "wandb": {"mode": ("auto", "offline", "online"), "artifacts": ("none", "head", "all")},
    "tensorboard": {},
    "mlflow": {},
    "none": {},
}

EXTRAS = {"tensorboard": "tensorboard", "mlflow": "mlflow-skinny"}  # tracker -> what its extra installs


class Shielded:
    """A tracker that a run may use without care: its first failure is one line, and nothing more is given to it."""

    def __init__(self, open_it: Callable[[], Tracker]) -> None:
        self._tracker: Tracker = NullTracker()
        self.failed = False
        self._try(lambda: setattr(self, "_tracker", open_it()))

    def curve(self, step: int, values: Mapping[str, float]) -> None:
        self._try(lambda: self._tracker.curve(step, values))

    def picture(self, step: int, path: Path) -> None:
        self._try(lambda: self._tracker.picture(step, path))

    def record(self, mirror: Mirror) -> None:
        self._try(lambda: self._tracker.record(mirror))

    def table(self, name: str, table: Table) -> None:
        self._try(lambda: self._tracker.table(name, table))

    def finish(self, *, failed: bool) -> None:
        tracker, self._tracker = self._tracker, NullTracker()
        if self.failed:  # what it was begun with is ended, as far as that can be
            with suppress(Exception):
                tracker.finish(failed=True)
        self._try(lambda: tracker.finish(failed=failed))

    def _try(self, action: Callable[[], None]) -> None:
        if self.failed:
            return
        try:
            action()
        except Exception as error:  # of any kind, from a library or its server: a mirror loses no run
            self.failed = True
            say(f"the tracker failed ({first_line(error)}); the run goes on without it")


def check(settings: Mapping[str, Any]) -> None:
    """InputError for a tracker or a value that is not known."""
    if (name := settings["name"]) not in TRACKERS:
        raise InputError(f"tracker.name={name}: allowed are {', '.join(TRACKERS)}")
    for key, allowed in TRACKERS[name].items():
        if settings[key] not in allowed:
            raise InputError(f"tracker.{key}={settings[key]}: allowed are {', '.join(allowed)}")
    if name in EXTRAS and importlib.util.find_spec(name) is None:
        raise InputError(f"tracker={name}: needs the package {EXTRAS[name]}; pip install -e '.[{name}]'")
    count = settings["pictures"]
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InputError(f"tracker.pictures={count}: must be a whole number, 0 or above")


@contextmanager
def track(settings: Mapping[str, Any], named: Named) -> Iterator[Tracker]:
    """The tracker of one run, finished at the end of the block."""
    with finished(Shielded(lambda: opened(settings, named))) as tracker:
        yield tracker


def opened(settings: Mapping[str, Any], named: Named) -> Tracker:
    """The tracker itself, whose failures are the caller's."""
    if settings["name"] == "none":
        return NullTracker()
    module: Any = importlib.import_module(f"tfg.trackers.{settings['name']}")
    return module.open_tracker(named, settings)
