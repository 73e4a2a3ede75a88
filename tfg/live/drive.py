"""Sound to the rows that drive a head, as `tfg render` makes them, in blocks: of sound that is known whole or still being spoken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfg.data import AUDIO_WINDOW
from tfg.features.base import AudioExtractor
from tfg.features.context import REACH
from tfg.features.lips.regression import LipMap
from tfg.features.overlap import Overlapped
from tfg.types import SAMPLE_RATE, Floats

REST_SECONDS = 5  # of silence, whose last row is that of a resting mouth


@dataclass(frozen=True, kw_only=True)
class Drive:
    """What a head was trained to be driven by."""

    extractor: AudioExtractor
    lips: LipMap | None  # None: driven by the features themselves
    mean: Floats  # (channels,)
    std: Floats  # (channels,)

    def known(self, audio: Floats) -> Iterator[Floats]:
        """(num_samples,) 16 kHz -> blocks of (k, channels) that together are the rows `tfg render` drives with."""
        lips = self._lips()
        for features in self.extractor.blocks(audio):
            yield from self._rows(features, lips)
        if lips is not None:
            yield from map(self._normalised, lips.finish())

    def rest(self) -> Floats:
        """(channels,): the row of silence."""
        spoken = Spoken(self)
        return np.concatenate(spoken.push(np.zeros(REST_SECONDS * SAMPLE_RATE, np.float32)))[-1]

    @property
    def look_ahead(self) -> int:
        """Frames of sound after a frame that its picture waits for, at most, while the sound is being spoken."""
        stream = self.extractor.stream()
        lips = 0 if self.lips is None else REACH
        return stream.ahead + stream.least - 1 + lips + AUDIO_WINDOW // 2 - 1

    def _lips(self) -> Overlapped | None:
        return None if self.lips is None else Overlapped(self.lips.predict, unit=1, past=REACH, ahead=REACH)

    def _rows(self, features: Floats, lips: Overlapped | None) -> list[Floats]:
        return [self._normalised(block) for block in ([features] if lips is None else lips.push(features))]

    def _normalised(self, rows: Floats) -> Floats:
        return ((rows - self.mean) / self.std).astype(np.float32)


class Spoken:
    """Rows of a sound that is still being spoken."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._features, self._lips = drive.extractor.stream(), drive._lips()

    def push(self, samples: Floats) -> list[Floats]:
        """The rows that are final now, in blocks of (k, channels)."""
        return [rows for features in self._features.push(samples) for rows in self._drive._rows(features, self._lips)]
