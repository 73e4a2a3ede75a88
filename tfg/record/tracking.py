"""Trackers: Null and Wandb. The only file that imports wandb; our own files are the truth, a tracker only mirrors them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pytorch_lightning.loggers import Logger

from tfg.types import InputError


class Tracker(Protocol):
    """One run's mirror, open for the length of a `with`."""

    def logger(self) -> Logger | None:
        """What Lightning logs the training curve to."""
        ...

    def record(self, numbers: Mapping[str, float], videos: Mapping[str, Path], images: Mapping[str, Path]) -> None: ...


class NullTracker:
    def logger(self) -> None:
        return None

    def record(self, numbers: Mapping[str, float], videos: Mapping[str, Path], images: Mapping[str, Path]) -> None:
        pass


@dataclass(frozen=True)
class WandbTracker:
    run: Any

    def logger(self) -> Logger:
        from pytorch_lightning.loggers import WandbLogger

        return WandbLogger(experiment=self.run)

    def record(self, numbers: Mapping[str, float], videos: Mapping[str, Path], images: Mapping[str, Path]) -> None:
        import wandb

        self.run.summary.update(dict(numbers))
        self.run.log({name: wandb.Video(str(path)) for name, path in videos.items()})
        self.run.log({name: wandb.Image(str(path)) for name, path in images.items()})


def check(settings: Mapping[str, Any]) -> None:
    """InputError for a tracker or a mode that is not known."""
    for key, allowed in (("name", ("wandb", "none")), ("mode", ("auto", "offline", "online"))):
        if settings[key] not in allowed:
            raise InputError(f"tracker.{key}={settings[key]}: allowed are {', '.join(allowed)}")


@contextmanager
def track(
    settings: Mapping[str, Any], *, folder: Path, run_id: str, group: str, config: dict[str, Any]
) -> Iterator[Tracker]:
    """A tracker for one run; the run is finished with exit code 1 when the block raises, so that no other logs into it.

    `settings` has `name` (none | wandb) and `mode` (offline | online | auto: online where a wandb login is found).
    """
    check(settings)
    mode = settings["mode"]
    if settings["name"] == "none":
        yield NullTracker()
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    if mode == "auto":
        mode = "online" if wandb.login(prompt=False, verify=False) else "offline"
    run = wandb.init(
        project="tfg",
        mode=mode,
        id=run_id,
        name=run_id,
        group=group,
        job_type="run",
        config=config,
        dir=folder,
        settings=wandb.Settings(console="off", disable_git=True, x_disable_stats=True),
    )
    code = 1
    try:
        yield WandbTracker(run)
        code = 0
    finally:
        wandb.finish(exit_code=code)
