"""One held-out frame as a head renders it while it is being trained, beside the truth, for whoever follows the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from tfg import landmarks, rendering
from tfg.backbones.base import Backbone
from tfg.progress import followers
from tfg.types import Floats, Portrait

SECONDS = 2.0  # between pictures, at least
SHARE = 0.02  # of a training's time that they may take, at most


def callbacks(test: Portrait, windows: Floats) -> list[pl.Callback]:
    """Of a training whose held-out part this is; none where nobody follows."""
    return [Preview(test, windows)] if followers() else []


class Preview(pl.Callback):
    """Renders the frame with the widest open mouth. The training goes on as without it, bit for bit."""

    def __init__(self, test: Portrait, windows: Floats) -> None:
        """Of the held-out part, and what drives it: (n, 8, channels)."""
        row = [int(np.argmax(landmarks.mouth_opening(test.landmarks)))]
        self._row, self._window = test.take(np.array(row)), windows[row]
        self._next = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        began = time.monotonic()
        if began < self._next:
            return
        assert isinstance(pl_module, Backbone)
        with _undisturbed(pl_module):
            made = rendering.render(pl_module, self._row, self._window, device=str(pl_module.device)).images[0]
        for follower in followers():
            follower.pictured(int(pl_module.step), made, self._row.images[0])
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
