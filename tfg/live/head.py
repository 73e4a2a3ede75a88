"""A head folder opened for speech without end: windows of what drives it in, pictures out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tfg.live.drive import Drive
from tfg.threads import count_of
from tfg.types import FPS, Bytes, Floats, InputError

STRETCH = 60 * FPS  # frames of motion that are planned at once


class Renderer(Protocol):
    """Draws some of a run of frames that follow each other."""

    @property
    def size(self) -> int: ...

    def draw(self, windows: Floats, wanted: Sequence[int]) -> Bytes:
        """Of the next len(windows) frames, driven by (n, 8, channels), those of `wanted`: (len(wanted), size, size, 3)."""
        ...


class Head:
    """Renderer. A trained backbone and how it moves."""

    def __init__(self, given: Path, seed: int) -> None:
        """Of a run folder or a head folder; InputError where it is none. `seed`: of head motion, brows and blinks."""
        if seed < 0:
            raise InputError(f"--seed {seed}: must be a whole number, 0 or above")
        from tfg import heads

        folder = heads.folder_of(given)
        config, _ = heads.read(folder)
        import torch  # which no mistake waits for

        from tfg import parts, rendering, training
        from tfg.performance.perform import stretches

        self._portrait, mean, std, lips = rendering.load_portrait(folder / "portrait.npz")
        self.drive = Drive(extractor=parts.construct(config.audio, "audio"), lips=lips, mean=mean, std=std)
        self._backbone = parts.make_backbone(config, self._portrait)
        training.load(self._backbone, folder)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.threads = count_of(config.trainer.threads, self.size)
        self.name = folder.name
        self._stretches = stretches(self._portrait, seed, STRETCH)
        self._stretch, self._place = next(self._stretches), 0
        if not self._stretch.can_blink:
            print(
                f"tfg: {folder.name} was trained on seconds without a whole blink and has not learned closed lids: it will not blink",
                file=sys.stderr,
            )

    @property
    def size(self) -> int:
        return self._portrait.cameras.size

    def draw(self, windows: Floats, wanted: Sequence[int]) -> Bytes:
        from tfg import rendering

        left = STRETCH - self._place
        if len(windows) > left:
            before = self.draw(windows[:left], [row for row in wanted if row < left])
            self._stretch, self._place = next(self._stretches), 0
            after = self.draw(windows[left:], [row - left for row in wanted if row >= left])
            return np.concatenate([before, after])
        start, self._place = self._place, self._place + len(windows)
        if not wanted:
            return np.zeros((0, self.size, self.size, 3), np.uint8)
        chosen = np.array(wanted)
        rows = self._stretch.rows(start, self._place).take(chosen)
        return rendering.render(self._backbone, rows, windows[chosen], device=self._device).images

    def warm_up(self) -> float:
        """Seconds of a picture after one was made for nothing; all that is loaded late is loaded then."""
        channels = len(self.drive.mean)
        self.draw(np.zeros((1, 8, channels), np.float32), [0])
        began = time.perf_counter()
        self.draw(np.zeros((4, 8, channels), np.float32), range(4))
        return (time.perf_counter() - began) / 4
