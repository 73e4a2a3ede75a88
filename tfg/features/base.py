"""What a feature extractor is: three small protocols and the fields they fill. Media is read through `Clip` only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tfg.types import Bools, Bytes, Clip, FaceTrack, Floats


class AudioExtractor(Protocol):
    """Turns a sound track into one vector per video frame."""

    name: str
    channels: int

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, channels)."""
        ...


class FaceExtractor(Protocol):
    """Finds the face in pictures."""

    name: str

    def extract(self, clip: Clip, start: int, stop: int) -> FaceTrack:
        """Frames [start, stop) of the clip's source pictures; coordinates in source pixels."""
        ...

    def read(self, images: Bytes) -> FaceTrack:
        """Any pictures (n, height, width, 3), each on its own; coordinates in their pixels. Used to score renderings."""
        ...


@dataclass(frozen=True, kw_only=True)
class Masks:
    """Where things are in n frames of the clip's square crop."""

    head: Bools  # (n, size, size) face, ears and hair, without neck
    mouth: Bools  # (n, size, size) inside of the lips' outer contour
    torso: Bools  # (n, size, size) neck and body
    # background is what is left


class MaskExtractor(Protocol):
    name: str

    def extract(self, clip: Clip, start: int, stop: int, track: FaceTrack) -> Masks: ...
