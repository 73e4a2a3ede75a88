"""The curve of a training while it is made: metrics.csv, and the same to a tracker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from tfg.backbones.base import Learner
from tfg.record import curve
from tfg.record.files import write_text

Logger = Callable[[int, Mapping[str, float]], None]  # is given a step and its numbers, `<stage>/<term>` -> value


class Curve(pl.Callback):
    """metrics.csv, rows of step, `<stage>/<term>`, value, each 50 steps, and the same to a tracker; a resumed run goes on in it."""

    def __init__(self, path: Path, logger: Logger | None = None, every: int = 50) -> None:
        self.path = path
        self.logger = logger
        self.every = every
        self.stage = ""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        first = step_of(pl_module)
        text = self.path.read_text(errors="replace") if first and self.path.exists() else ""
        rows, unreadable = curve.parse(text)
        if unreadable:
            print(
                f"tfg: {self.path} is damaged: {unreadable} of {len(rows) + unreadable} rows cannot be read; dropped",
                file=sys.stderr,
            )
        kept = [f"{step},{name},{value}" for step, name, value in rows if step <= first]
        write_text(self.path, "\n".join([curve.HEADER, *kept]) + "\n")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Learner)
        if (step_of(pl_module) + 1) % self.every == 0:
            self.stage = pl_module.stage_name

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Learner)
        step = step_of(pl_module)
        if step % self.every == 0:
            # As written, so that a tracker that is given the file later is given the same.
            values = {f"{self.stage}/{name}": f"{float(value):.6g}" for name, value in sorted(pl_module.noted.items())}
            with self.path.open("a") as file:
                file.writelines(f"{step},{name},{value}\n" for name, value in values.items())
            if self.logger is not None:
                self.logger(step, {name: float(value) for name, value in values.items()})


def step_of(module: pl.LightningModule) -> int:
    """Training steps that a learner has done."""
    return int(module.get_buffer("step"))
