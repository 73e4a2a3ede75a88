"""Whisper tiny.en features: the output of a speech recogniser's encoder, one vector a video frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tfg import assets
from tfg.features.overlap import Overlapped
from tfg.types import SAMPLES_PER_FRAME, Floats, InputError

if TYPE_CHECKING:
    from tfg.features.audio.whisper_encoder import WhisperEncoder

NUM_LAYERS, WIDTH = 4, 384  # tiny.en
# Frames of a stream: the 4 s that the encoder then reads are past, block and ahead. On 20 s of GRID and of espeak the opening of the
# mouth that the universal prior's map predicts correlates with that of `extract` by 0.99 (2 s: 0.98; 8 s or 8 ahead: 0.99).
PAST, BLOCK, AHEAD = 88, 4, 3
LEAST = 3  # frames that wait for each other, since a pass of 4 s costs 40 ms of a processor


@dataclass(frozen=True, kw_only=True)
class Whisper:
    """AudioExtractor. Two positions fall on a video frame, at 0 and 20 ms of its 40: the vector is their mean.

    The encoder reads 30 s at a time; a longer track is cut into passes that overlap by 4 s, of which the middle 26 s are kept.
    A layer's output depends as much on the position in the pass as on the sound, so its output for silence at the same
    position is subtracted: on GRID the vectors of one sound at two positions then differ by 0.28 (first layer) and 0.56
    (second) of their spread, against 1.2. The default layer predicts lips best with other people's as a prior: docs/results.md.
    """

    weights: str  # a name of `tfg assets`, or a path
    layer: int  # whose output is taken, 1 to 4; only the last one is normalised
    name: str
    version: ClassVar[int] = 1  # of the numbers it gives: part of the cache's key

    def __post_init__(self) -> None:
        if not 1 <= self.layer <= NUM_LAYERS:
            raise InputError(f"audio.layer must lie in [1, {NUM_LAYERS}], not {self.layer}")

    @property
    def channels(self) -> int:
        return WIDTH

    @cached_property
    def path(self) -> Path:
        """The weights; InputError with the remedy where they are missing."""
        return assets.located(self.weights)

    @cached_property
    def _encoder(self) -> WhisperEncoder:
        return self._read()

    def _read(self) -> WhisperEncoder:
        from tfg.features.audio.whisper_encoder import load_whisper

        return load_whisper(self.path, NUM_LAYERS, WIDTH)

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, 384).

        The weights are not kept: 0.05 s to read, and 66 MB that the training after it has.
        """
        from tfg.features.audio.whisper_encoder import frame_vectors

        return frame_vectors(self._read(), audio, self.layer)

    def blocks(self, audio: Floats) -> Iterator[Floats]:
        """The rows of `extract` in turn, those of a pass of 30 s at once."""
        from tfg.features.audio.whisper_encoder import pass_vectors

        return pass_vectors(self._encoder, audio, self.layer, together=1)

    def stream(self) -> Overlapped:
        """Of sound that is still being spoken. Differs from `extract`, whose encoder reads what comes later too: see PAST."""
        from tfg.features.audio.whisper_encoder import Recent

        recent = Recent(self._encoder, self.layer, num_frames=PAST + 2 * BLOCK + AHEAD + 1)
        return Overlapped(recent, unit=SAMPLES_PER_FRAME, past=PAST, ahead=AHEAD, least=LEAST, block=BLOCK)
