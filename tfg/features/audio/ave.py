"""SyncTalk's audio-visual encoder (AVE), the feature of the ISExplore paper: windows of a sound track to vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfg import assets
from tfg.features.audio.mel import AVE_BANDS, AVE_ROWS_PER_SECOND, ave_mel
from tfg.features.overlap import Overlapped, in_blocks
from tfg.types import FPS, SAMPLES_PER_FRAME, Floats, InputError

if TYPE_CHECKING:
    from torch import nn

WIDTH = 512
WINDOW_ROWS = 16  # mel rows of one window, 200 ms
PAST, AHEAD = (
    5,
    5,
)  # frames that hold 200 ms, and 25 ms beyond for mel rows; the first frames take the window of frame 2
COPIES = 2  # of the first and last window, so that window i covers frames i - 2 .. i + 2


def window_starts(num_rows: int) -> list[int]:
    """First mel row of every window: int((rows - 16) * 25 / 80) + 2 of them, 3.2 rows apart, the last ones clamped."""
    count = (num_rows - WINDOW_ROWS) * FPS // AVE_ROWS_PER_SECOND + 2
    return [min(number * AVE_ROWS_PER_SECOND // FPS, num_rows - WINDOW_ROWS) for number in range(count)]


def mel_windows(audio: Floats, name: str) -> Floats:
    """(num_samples,) mono 16 kHz -> (num_samples // 640, 80, 16): of frame i the log-mel of frames i - 2 .. i + 2."""
    mel = ave_mel(audio)
    if len(mel) < WINDOW_ROWS:
        raise InputError(f"audio: {len(audio)} samples are too few for audio={name}; it needs 0.2 s")
    starts = window_starts(len(mel))
    whole = [starts[0]] * COPIES + starts + [starts[-1]] * COPIES
    windows = np.lib.stride_tricks.sliding_window_view(mel, WINDOW_ROWS, axis=0)
    assert windows.shape[1:] == (AVE_BANDS, WINDOW_ROWS)
    return windows[whole[: len(audio) // SAMPLES_PER_FRAME]]


@dataclass(frozen=True, kw_only=True)
class Ave:
    """AudioExtractor. Raw output of the last ReLU, not normalised, as SyncTalk uses it."""

    weights: str  # a name of `tfg assets`, or a path
    name: str
    version: ClassVar[int] = 1  # of the numbers it gives: part of the cache's key

    @property
    def channels(self) -> int:
        return WIDTH

    @cached_property
    def path(self) -> Path:
        """The weights; InputError with the remedy where they are missing."""
        return assets.located(self.weights)

    @cached_property
    def _encoder(self) -> nn.Sequential:
        from tfg.features.audio.ave_encoder import load_ave

        return load_ave(self.path)

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, 512), non-negative."""
        from tfg.features.audio.ave_encoder import encode

        return encode(self._encoder, mel_windows(audio, self.name))

    def blocks(self, audio: Floats) -> Iterator[Floats]:
        """The rows of `extract` in turn."""
        return in_blocks(self.stream(), audio)

    def stream(self) -> Overlapped:
        """Of sound that is still being spoken: the same rows."""
        return Overlapped(self.extract, unit=SAMPLES_PER_FRAME, past=PAST, ahead=AHEAD)
