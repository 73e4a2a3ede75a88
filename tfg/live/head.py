"""A head that speaks without end: windows of what drives it in, pictures out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tfg.live.drive import Drive
from tfg.performance.perform import stretches
from tfg.speaker import Speaker
from tfg.types import FPS, Bytes, Floats

STRETCH = 60 * FPS  # frames of motion that are planned at once


class Renderer(Protocol):
    """Draws some of a run of frames that follow each other."""

    @property
    def size(self) -> int: ...

    def draw(self, windows: Floats, wanted: Sequence[int]) -> Bytes:
        """Of the next len(windows) frames, driven by (n, 8, channels), those of `wanted`: (len(wanted), size, size, 3)."""
        ...


class Head:
    """Renderer. A speaker, and how it moves by a seed."""

    def __init__(self, speaker: Speaker, seed: int) -> None:
        self._speaker = speaker
        self.drive = Drive(extractor=speaker.extractor, lips=speaker.lips, mean=speaker.mean, std=speaker.std)
        self._stretches = stretches(speaker.portrait, seed, STRETCH)
        self._stretch, self._place = next(self._stretches), 0
        speaker.say_unblinking(self._stretch)

    @property
    def size(self) -> int:
        return self._speaker.portrait.cameras.size

    def draw(self, windows: Floats, wanted: Sequence[int]) -> Bytes:
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
        return self._speaker.draw(self._stretch.rows(start, self._place).take(chosen), windows[chosen])

    def warm_up(self) -> float:
        """Seconds of a picture after one was made for nothing; all that is loaded late is loaded then."""
        channels = len(self.drive.mean)
        self.draw(np.zeros((1, 8, channels), np.float32), [0])
        began = time.perf_counter()
        self.draw(np.zeros((4, 8, channels), np.float32), range(4))
        return (time.perf_counter() - began) / 4
