"""Log-mel features: the front end of Wav2Lip and AVE, one vector a video frame, no weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tfg.features.audio.mel import AVE_BANDS, AVE_HOP, AVE_WINDOW, ave_mel
from tfg.features.overlap import Overlapped, in_blocks
from tfg.types import SAMPLE_RATE, SAMPLES_PER_FRAME, Floats, InputError


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """AudioExtractor. The vector of frame i is the mean of the mel rows within `window_ms` around its middle, 40 i + 20 ms.

    Rows come every 12.5 ms, each of 50 ms of sound; 40 ms is the frame itself: three or four rows.
    """

    window_ms: int
    name: str
    version: ClassVar[int] = 1  # of the numbers it gives: part of the cache's key

    def __post_init__(self) -> None:
        if not 20 <= self.window_ms <= 400:
            raise InputError(f"audio.window_ms must lie in [20, 400], not {self.window_ms}")

    @property
    def channels(self) -> int:
        return AVE_BANDS

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, 80) in [-4, 4]."""
        mel = ave_mel(audio)
        middles = np.arange(len(audio) // SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME + SAMPLES_PER_FRAME // 2  # samples
        half = self.window_ms * SAMPLE_RATE // 2000
        first = np.clip(-((half - middles) // AVE_HOP), 0, len(mel) - 1)  # first row at or after middle - half
        last = np.clip(-(-(middles + half) // AVE_HOP), first + 1, len(mel))  # first row at or after middle + half
        sums = np.concatenate([np.zeros((1, AVE_BANDS)), np.cumsum(mel, axis=0, dtype=np.float64)])
        return ((sums[last] - sums[first]) / (last - first)[:, None]).astype(np.float32)

    def blocks(self, audio: Floats) -> Iterator[Floats]:
        """The rows of `extract` in turn."""
        return in_blocks(self.stream(), audio)

    def stream(self) -> Overlapped:
        """Of sound that is still being spoken: the same rows."""
        reach = (
            self.window_ms * SAMPLE_RATE // 2000 + AVE_WINDOW // 2 + AVE_HOP
        )  # samples each way from a frame's middle
        frames = -(-(SAMPLES_PER_FRAME // 2 + reach) // SAMPLES_PER_FRAME)
        return Overlapped(self.extract, unit=SAMPLES_PER_FRAME, past=frames, ahead=frames - 1)
