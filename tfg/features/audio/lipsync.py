"""tfg's own audio encoder in AVE's place, trained to match sound with the lip motion that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tfg import learned
from tfg.features.audio.ave import AHEAD, PAST, mel_windows
from tfg.features.audio.lipsync_file import ENCODER
from tfg.features.overlap import Overlapped, in_blocks
from tfg.types import SAMPLES_PER_FRAME, Floats, InputError

if TYPE_CHECKING:
    from torch import nn

SHIPPED = "lipsync"  # what a configuration calls the file that comes with tfg
FILE = Path(__file__).with_name("lipsync.safetensors")
WIDTH = 128


@dataclass(frozen=True, kw_only=True)
class LipSync:
    """AudioExtractor. Output of the last ReLU for the 200 ms of sound around a frame, as AVE's; smaller, and learned from GRID
    and synthetic people alone. No metric uses it."""

    weights: str  # lipsync, which comes with tfg, or a file of `python -m experiments.pretrain_lipsync`
    allow_seen: bool  # also on a clip that it was learned from
    name: str
    version: ClassVar[int] = 1  # of the numbers it gives: part of the cache's key

    @property
    def channels(self) -> int:
        return WIDTH

    @cached_property
    def path(self) -> Path:
        """The weights; InputError with the remedy where they are missing."""
        path = FILE if self.weights == SHIPPED else Path(self.weights)
        if not path.is_file():
            raise InputError(
                f"audio.weights={self.weights}: no such file; give {SHIPPED}, or a file of `python -m experiments.pretrain_lipsync`"
            )
        return path

    @cached_property
    def _encoder(self) -> nn.Sequential:
        from tfg.features.audio.lipsync_encoder import load_encoder

        return load_encoder(self.path)

    @property
    def people(self) -> list[dict[str, Any]]:
        """Name, identities of the clips and number of frames of each person that it was learned from."""
        return list(learned.read(self.path, ENCODER).sources["people"])

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, 128), non-negative."""
        from tfg.features.audio.ave_encoder import encode

        return encode(self._encoder, mel_windows(audio, self.name))

    def blocks(self, audio: Floats) -> Iterator[Floats]:
        """The rows of `extract` in turn."""
        return in_blocks(self.stream(), audio)

    def stream(self) -> Overlapped:
        """Of sound that is still being spoken: the same rows."""
        return Overlapped(self.extract, unit=SAMPLES_PER_FRAME, past=PAST, ahead=AHEAD)
