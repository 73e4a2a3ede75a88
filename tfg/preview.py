"""One held-out frame as a head renders it while it is being trained, beside the truth: for who follows the run, and to be kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytorch_lightning as pl
import torch

from tfg import landmarks, rendering
from tfg.backbones.base import Backbone
from tfg.progress import followers
from tfg.record.files import put
from tfg.trackers.base import Tracker
from tfg.trackers.mirror import PICTURES
from tfg.types import Bytes, Floats, Portrait

SECONDS = 2.0  # between pictures, at least
SHARE = 0.02  # of a training's time that they may take, at most


def callbacks(test: Portrait, windows: Floats) -> list[pl.Callback]:
    """Of a training whose held-out part this is; none where nobody follows."""
    return [Preview(test, windows)] if followers() else []


def kept(test: Portrait, windows: Floats, folder: Path, count: int, tracker: Tracker) -> list[pl.Callback]:
    """So many pictures of a training, in a head's folder and for its tracker; none of 0."""
    return [KeptPictures(test, windows, folder / PICTURES, count, tracker)] if count else []


class HeldOutFrame:
    """The one with the widest open mouth."""

    def __init__(self, test: Portrait, windows: Floats) -> None:
        """Of the held-out part, and what drives it: (n, 8, channels)."""
        row = [int(np.argmax(landmarks.mouth_opening(test.landmarks)))]
        self._row, self._window = test.take(np.array(row)), windows[row]
        self.truth: Bytes = self._row.images[0]

    def rendered(self, backbone: Backbone) -> Bytes:
        """(size, size, 3). The training goes on as without it, bit for bit."""
        with _undisturbed(backbone):
            return rendering.render(backbone, self._row, self._window, device=str(backbone.device)).images[0]


class KeptPictures(pl.Callback):
    """`<step>.png`, head and truth side by side, at steps that cut the training into equal parts, the last among them."""

    def __init__(self, test: Portrait, windows: Floats, folder: Path, count: int, tracker: Tracker) -> None:
        self._frame = HeldOutFrame(test, windows)
        self._folder, self._count, self._tracker = folder, count, tracker
        self._steps: set[int] = set()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Backbone)
        steps = pl_module.num_steps
        self._steps = {round(steps * part / self._count) for part in range(1, self._count + 1)}
        first, self._step = int(pl_module.step), int(pl_module.step)
        self._folder.mkdir(exist_ok=True)
        for path in self._folder.glob(
            "*.png"
        ):  # of a training that went further than its checkpoint, or with other steps
            if not path.stem.isdecimal() or int(path.stem) > first:
                path.unlink()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._step += 1
        if self._step not in self._steps:
            return
        assert isinstance(pl_module, Backbone)
        path = self._folder / f"{self._step}.png"
        partial = path.with_suffix(".part.png")
        both = np.concatenate([self._frame.rendered(pl_module), self._frame.truth], axis=1)
        cv2.imwrite(str(partial), np.ascontiguousarray(both[:, :, ::-1]))
        self._tracker.picture(self._step, put(partial, path))


class Preview(pl.Callback):
    """Renders the frame now and then for the followers."""

    def __init__(self, test: Portrait, windows: Floats) -> None:
        self._frame = HeldOutFrame(test, windows)
        self._next = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        began = time.monotonic()
        if began < self._next:
            return
        assert isinstance(pl_module, Backbone)
        made = self._frame.rendered(pl_module)
        for follower in followers():
            follower.pictured(int(pl_module.step), made, self._frame.truth)
        now = time.monotonic()
        self._next = now + max(SECONDS, (now - began) / SHARE)


@contextmanager
def _undisturbed(backbone: Backbone) -> Iterator[None]:
    """Random numbers, and which of its modules train, are as before afterwards."""
    trained = [module for module in backbone.modules() if module.training]
    cards = [backbone.device] if backbone.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        yield
    for module in trained:
        module.training = True
