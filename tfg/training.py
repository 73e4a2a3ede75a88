"""Trainer, checkpoints, resume: the only file that builds a Lightning Trainer.

A training is cut into epochs of `trainer.checkpoint_every` steps (data.py); after each the checkpoint is replaced atomically
and the one before is kept, both with their checksums, so that a killed process or a damaged file costs at most one epoch.
"""

from __future__ import annotations

import logging
import pickle
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment

from tfg.backbones.base import Learner
from tfg.data import PeopleData, PortraitData
from tfg.progress import Advance, progress, say
from tfg.record import claims, meter
from tfg.record.files import is_sealed, keep, seal
from tfg.record.meter import Spent
from tfg.training_curve import Curve, Logger, step_of
from tfg.types import InputError

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What `fit` did: cost of all calls together, steps in all, and the step this call went on from."""

    spent: Spent
    steps: int
    resumed_from: int


def fit(
    backbone: Learner,
    data: PortraitData | PeopleData,
    folder: Path,
    *,
    device: str,
    logger: Logger | None,
    callbacks: Sequence[pl.Callback] = (),
) -> Training:
    """Train to the backbone's `num_steps`, from the newest whole checkpoint in `folder` or from `prepare`.

    `logger` is given what the curve is: a step and its numbers.

    InputError names a checkpoint that is whole but of another head.
    """
    _quiet()
    clock = Clock()
    checkpoint = newest_checkpoint(folder)
    first, steps = 0, backbone.num_steps
    if checkpoint != folder / LAST:
        (folder / LAST).unlink(missing_ok=True)  # damaged: it must not take the place of the one before
    if checkpoint is None:
        backbone.prepare(data.shown)
    else:
        first = int(checked_checkpoint(backbone, checkpoint)["state_dict"]["step"])
        if first < steps:
            say(f"going on from step {first} of {steps}")
    if first < steps:
        with progress("training", steps, "steps", done=first) as advance:
            trainer = pl.Trainer(
                accelerator="gpu" if device == "cuda" else "cpu",
                devices=1,
                plugins=LightningEnvironment(),  # one process, also where SLURM is: its own looks for tasks and requeues jobs
                max_epochs=-1,
                reload_dataloaders_every_n_epochs=1,
                logger=False,
                callbacks=[
                    RandomState(),
                    clock,
                    Curve(folder / "metrics.csv", logger),
                    Progress(advance),
                    *callbacks,
                    Checkpoints(folder, steps),
                ],
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
            )
            _fit(trainer, backbone, data, checkpoint)
    else:
        saved = load(backbone, folder)
        clock.load_state_dict(saved["callbacks"]["Clock"])
    return Training(spent=clock.spent, steps=steps, resumed_from=first)


def load(backbone: Learner, folder: Path) -> dict[str, Any]:
    """Put a whole training's checkpoint into a freshly constructed backbone; InputError where there is none."""
    path = newest_checkpoint(folder)
    if path is None:
        raise InputError(f"{folder}: holds no whole checkpoint; remove its head.json and repeat the command of its run")
    checkpoint = checked_checkpoint(backbone, path)
    if (step := int(checkpoint["state_dict"]["step"])) < backbone.num_steps:
        raise InputError(
            f"{path}: is of step {step} of {backbone.num_steps}; remove head.json beside it and repeat the command of its run"
        )
    backbone.load_state_dict(checkpoint["state_dict"])
    return checkpoint


def newest_checkpoint(folder: Path) -> Path | None:
    """`last.ckpt`, or the one before where the last is damaged; None without a whole one. A damaged one is named on stderr."""
    for path in (folder / LAST, folder / PREVIOUS):
        if path.exists():
            if is_sealed(path):
                return path
            print(f"tfg: {path} is damaged or cut short (its checksum differs); not used", file=sys.stderr)
    return None


def step_reached(folder: Path) -> int | None:
    """Of the checkpoint that `fit` would go on from; None without a whole one. InputError where that is no checkpoint."""
    path = newest_checkpoint(folder)
    if path is None:
        return None
    try:
        return int(read_checkpoint(path)["state_dict"]["step"])
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError) as error:
        raise InputError(f"{path}: is no checkpoint of a head ({error!r}); remove it to train anew") from error


def checked_checkpoint(backbone: Learner, path: Path) -> dict[str, Any]:
    """A checkpoint that fits the backbone, which has made room for its parameters; else InputError names the file."""
    remedy = "remove it to train anew, or give the configuration that wrote it"
    try:
        checkpoint = read_checkpoint(path)
        backbone.on_load_checkpoint(checkpoint)
        found = {name: tuple(values.shape) for name, values in checkpoint["state_dict"].items()}
        _ = checkpoint["optimizer_states"], checkpoint["loops"], checkpoint["callbacks"][Clock.state_key]["seconds"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, LookupError, AttributeError, TypeError) as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(f"{path}: is no checkpoint of this head ({reason}); {remedy}") from error
    expected = {name: tuple(values.shape) for name, values in backbone.state_dict().items()}
    if found != expected:
        name = min(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise InputError(
            f"{path}: is a checkpoint of another head ({name} has shape {found.get(name)}, not {expected.get(name)}); {remedy}"
        )
    return checkpoint


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and plain values only: no pickled code is ever run."""
    return torch.load(path, map_location="cpu", weights_only=True)


class Checkpoints(pl.Callback):
    """Writes last.ckpt after every epoch; the one before becomes previous.ckpt. Killed at any point, one of the two is whole."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder = folder
        self.steps = steps

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        last, partial = self.folder / LAST, self.folder / (LAST + ".part")
        try:
            claims.check()
            trainer.save_checkpoint(partial)
            if last.exists():
                keep(last, self.folder / PREVIOUS)
            seal(partial, last)
        except OSError as error:
            # Lightning writes to a temporary file elsewhere first: name the one that was to be made.
            raise OSError(error.errno, error.strerror, str(error.filename2 or last)) from error
        finally:
            partial.unlink(missing_ok=True)
        trainer.should_stop = step_of(pl_module) >= self.steps


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
    """Cost of training, carried through checkpoints: an interrupted run costs what it cost in all."""

    state_key = "Clock"

    def __init__(self) -> None:
        self._before = Spent()
        self._started = meter.now()

    @property
    def spent(self) -> Spent:
        return self._before + (meter.now() - self._started)

    def state_dict(self) -> dict[str, float | None]:
        return asdict(self.spent)

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        processor = state_dict.get("processor_seconds")  # an older tfg's checkpoint has none
        self._before = Spent(seconds=state_dict["seconds"], processor_seconds=processor)
        self._started = meter.now()


class Progress(pl.Callback):
    """How far the training is, and the loss of the stage it is in: losses of two stages are not comparable."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance
        self.stage = ""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Learner)
        self.stage = pl_module.stage_name

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Learner)

        def note() -> str:
            loss = pl_module.noted.get("loss")
            return self.stage if loss is None else f"{self.stage} loss {float(loss):.4f}"

        self.advance(1, note)


def _fit(trainer: pl.Trainer, backbone: Learner, data: PortraitData | PeopleData, checkpoint: Path | None) -> None:
    """Lightning's fit; Ctrl-C, which Lightning turns into exit code 1, stays a KeyboardInterrupt."""
    try:
        trainer.fit(backbone, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise


def _quiet() -> None:
    """Lightning's tips and banners hide what matters."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for pattern in (".*does not have many workers.*", ".*log_every_n_steps.*", ".*LeafSpec.*", ".*`srun` command.*"):
        warnings.filterwarnings("ignore", pattern)
