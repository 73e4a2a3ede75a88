"""What a feature extractor is: four small protocols and the fields they fill. Media is read through `Clip` only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class LandmarkReader(Protocol):
    """Reads the 68 landmarks off pictures to score a rendering, the truth by the same reader."""

    @property
    def definition(self) -> str:
        """One sentence: which reader, fitted or loaded from what, and its own error where known."""
        ...

    def landmarks(self, images: Bytes, guide: Floats) -> Floats:
        """(n, size, size, 3), and (n, 68, 2) true landmarks that say where the head is -> (n, 68, 2), NaN where no face."""
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
