"""Trackers: Null and Wandb. The only file that imports wandb; our own files are the truth, a tracker only mirrors them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tfg.record import curve as training_curve
from tfg.record.results import RunResult
from tfg.types import InputError

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


class Tracker(Protocol):
    """One run's mirror, open for the length of a `with`."""

    def logger(self) -> Logger | None:
        """What Lightning logs the training curve to."""
        ...

    def record(self, result: RunResult, results: Path, *, curve: bool) -> None:
        """A finished run below a results folder; with `curve` also the training curve of the head, which was found."""
        ...


class NullTracker:
    def logger(self) -> None:
        return None

    def record(self, result: RunResult, results: Path, *, curve: bool) -> None:
        pass


@dataclass(frozen=True)
class WandbTracker:
    run: Any

    def logger(self) -> Logger:
        from pytorch_lightning.loggers import WandbLogger

        return WandbLogger(experiment=self.run)

    def record(self, result: RunResult, results: Path, *, curve: bool) -> None:
        import wandb

        files = {name: results / file for name, file in result.files.items()}
        if curve:
            for step, values in _curve(files["curve"]):
                self.run.log({**values, "trainer/global_step": step})
        numbers = {name: metric["value"] for name, metric in result.metrics.items() if metric["value"] is not None}
        self.run.summary.update({**numbers, "head": result.head, "trained": result.trained})
        self.run.log({name: wandb.Video(str(path)) for name, path in files.items() if path.suffix == ".mp4"})
        self.run.log({name: wandb.Image(str(path)) for name, path in files.items() if path.suffix == ".png"})


def _curve(path: Path) -> list[tuple[int, dict[str, float]]]:
    """Rows of a metrics.csv by step."""
    steps: dict[int, dict[str, float]] = {}
    rows, _ = training_curve.parse(path.read_text(errors="replace"))
    for step, name, value in rows:
        steps.setdefault(step, {})[name] = float(value)
    return sorted(steps.items())


def check(settings: Mapping[str, Any]) -> None:
    """InputError for a tracker or a mode that is not known."""
    for key, allowed in (("name", ("wandb", "none")), ("mode", ("auto", "offline", "online"))):
        if settings[key] not in allowed:
            raise InputError(f"tracker.{key}={settings[key]}: allowed are {', '.join(allowed)}")


@contextmanager
def track(
    settings: Mapping[str, Any], *, folder: Path, run_id: str, name: str, group: str, config: dict[str, Any]
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
        name=name,
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
