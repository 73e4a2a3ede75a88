"""Trainer, checkpoints, resume: the only file that builds a Lightning Trainer.

A training is cut into epochs of `trainer.checkpoint_every` steps (data.py); after each the checkpoint is replaced atomically
and the one before is kept, so that a killed process loses at most one epoch and a torn file none.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from tfg.backbones.base import Backbone
from tfg.data import PortraitData
from tfg.progress import Advance, progress, say
from tfg.record.files import write_text

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What `fit` did: seconds of all calls together, steps in all, and the step this call went on from."""

    seconds: float
    steps: int
    resumed_from: int


def fit(
    backbone: Backbone,
    data: PortraitData,
    folder: Path,
    *,
    device: str,
    logger: Logger | None,
) -> Training:
    """Train to the backbone's `num_steps`, from the newest readable checkpoint in `folder` or from `prepare`."""
    _quiet()
    clock = Clock()
    checkpoint = newest_checkpoint(folder)
    first = int(read_checkpoint(checkpoint)["state_dict"]["step"]) if checkpoint else 0
    steps = backbone.num_steps
    if checkpoint is None:
        backbone.prepare(data.portrait)
    if checkpoint is not None:
        say(f"going on from step {first} of {steps}")
    if first < steps:
        with progress("training", steps, "steps", done=first) as advance:
            trainer = pl.Trainer(
                accelerator="gpu" if device == "cuda" else "cpu",
                devices=1,
                max_epochs=-1,
                reload_dataloaders_every_n_epochs=1,
                logger=logger or False,
                callbacks=[
                    RandomState(),
                    clock,
                    Curve(folder / "metrics.csv"),
                    Progress(advance),
                    Checkpoints(folder, steps),
                ],
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                log_every_n_steps=50,
                num_sanity_val_steps=0,
            )
            _fit(trainer, backbone, data, checkpoint)
    else:
        saved = load(backbone, folder)
        clock.load_state_dict(saved["callbacks"]["Clock"])
    return Training(seconds=clock.seconds, steps=steps, resumed_from=first)


def load(backbone: Backbone, folder: Path) -> dict[str, Any]:
    """Put the newest checkpoint's weights into a freshly constructed backbone; the checkpoint."""
    path = newest_checkpoint(folder)
    if path is None:
        raise ValueError(f"{folder} holds no readable checkpoint")
    checkpoint = read_checkpoint(path)
    backbone.on_load_checkpoint(checkpoint)
    backbone.load_state_dict(checkpoint["state_dict"])
    return checkpoint


def newest_checkpoint(folder: Path) -> Path | None:
    """`last.ckpt`, or the one before where the last is torn; None when there is none. A torn file is named on stderr."""
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            read_checkpoint(path)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            print(f"tfg: {path} is not readable ({error}); trying the one before", file=sys.stderr)
            continue
        return path
    return None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and plain values only: no pickled code is ever run."""
    return torch.load(path, map_location="cpu", weights_only=True)


class Checkpoints(pl.Callback):
    """Writes last.ckpt after every epoch: temporary name, fsync, rename; the one before becomes previous.ckpt."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder = folder
        self.steps = steps

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        partial = self.folder / (LAST + ".part")
        try:
            trainer.save_checkpoint(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            if (self.folder / LAST).exists():
                (self.folder / LAST).replace(self.folder / PREVIOUS)
            partial.replace(self.folder / LAST)
        finally:
            partial.unlink(missing_ok=True)
        trainer.should_stop = _step(pl_module) >= self.steps


class RandomState(pl.Callback):
    """Carries torch's generators through a checkpoint, so that a resumed run draws the same numbers."""

    def __init__(self) -> None:
        self._restored: dict[str, torch.Tensor] | None = None

    def state_dict(self) -> dict[str, torch.Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            state["cuda"] = torch.cuda.get_rng_state()
        return state

    def load_state_dict(self, state_dict: dict[str, torch.Tensor]) -> None:
        self._restored = state_dict

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._restored is None:
            return
        torch.set_rng_state(self._restored["cpu"])
        if "cuda" in self._restored and torch.cuda.is_available():
            torch.cuda.set_rng_state(self._restored["cuda"])
        self._restored = None


class Clock(pl.Callback):
    """Seconds of training, carried through checkpoints: an interrupted run costs what it cost in all."""

    state_key = "Clock"

    def __init__(self) -> None:
        self._before = 0.0
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        return self._before + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, float]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self._before = state_dict["seconds"]
        self._started = time.perf_counter()


class Curve(pl.Callback):
    """metrics.csv, rows of step, name, value, each 50 steps; a resumed run goes on in the same file."""

    HEADER = "step,name,value"

    def __init__(self, path: Path, every: int = 50) -> None:
        self.path = path
        self.every = every

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        first = _step(pl_module)
        rows = self.path.read_text().splitlines()[1:] if first and self.path.exists() else []
        kept = [row for row in rows if row.count(",") == 2 and int(row.split(",", 1)[0]) <= first]
        write_text(self.path, "\n".join([self.HEADER, *kept]) + "\n")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = _step(pl_module)
        if step % self.every == 0:
            with self.path.open("a") as file:
                for name, value in sorted(trainer.callback_metrics.items()):
                    file.write(f"{step},{name},{float(value):.6g}\n")


class Progress(pl.Callback):
    """How far the training is, and the loss of the stage it is in: losses of two stages are not comparable."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance
        self.stage = ""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Backbone)
        self.stage = pl_module.stage_name

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        def note() -> str:
            loss = trainer.callback_metrics.get("loss")
            return self.stage if loss is None else f"{self.stage} loss {float(loss):.4f}"

        self.advance(1, note)


def _fit(trainer: pl.Trainer, backbone: Backbone, data: PortraitData, checkpoint: Path | None) -> None:
    """Lightning's fit; Ctrl-C, which Lightning turns into exit code 1, stays a KeyboardInterrupt."""
    try:
        trainer.fit(backbone, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise


def _step(module: pl.LightningModule) -> int:
    """Training steps that the backbone has done."""
    return int(module.get_buffer("step"))


def _quiet() -> None:
    """Lightning's tips and banners hide what matters."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for pattern in (".*does not have many workers.*", ".*log_every_n_steps.*", ".*LeafSpec.*"):
        warnings.filterwarnings("ignore", pattern)
