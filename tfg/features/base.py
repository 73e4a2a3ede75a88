"""What a feature extractor is: four small protocols and the fields they fill. Media is read through `Clip` only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tfg.features.overlap import Overlapped
from tfg.types import Bools, Bytes, Clip, FaceTrack, Floats


class AudioExtractor(Protocol):
    """Turns a sound track into one vector per video frame."""

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> int: ...

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz in [-1, 1] -> (num_samples // 640, channels)."""
        ...

    def blocks(self, audio: Floats) -> Iterator[Floats]:
        """The rows of `extract` in turn, each block computed when it is asked for."""
        ...

    def stream(self) -> Overlapped:
        """For sound that is still being spoken: samples in, rows out once `ahead` frames after them are known."""
        ...


class FaceExtractor(Protocol):
    """Finds the face in pictures."""

    @property
    def name(self) -> str: ...

    def extract(self, clip: Clip, start: int, stop: int) -> FaceTrack:
        """Frames [start, stop) of the clip's source pictures; coordinates in source pixels."""
        ...

    def sample(self, clip: Clip, frames: Sequence[int]) -> FaceTrack:
        """The same of single frames, a row each; the track's `start` is the first."""
        ...


@runtime_checkable
class FaceReader(Protocol):
    """Reads the face off any pictures, to score a rendering; the truth is read by the same reader."""

    @property
    def definition(self) -> str:
        """One sentence: which reader, fitted or loaded from what, and its own error where known."""
        ...

    @property
    def is_guided(self) -> bool:
        """Whether `read` needs and uses the guide."""
        ...

    def read(self, images: Bytes, guide: Floats | None = None) -> FaceTrack:
        """Pictures (n, height, width, 3), each on its own; coordinates in their pixels.

        `guide`: (n, 68, 2) true landmarks that say where the head is, for a reader that cannot find it.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Masks:
    """Where things are in n frames of the clip's square crop."""

    head: Bools  # (n, size, size) face, ears and hair, without neck
    mouth: Bools  # (n, size, size) inside of the lips' outer contour
    torso: Bools  # (n, size, size) neck and body
    # background is what is left


class MaskExtractor(Protocol):
    @property
    def name(self) -> str: ...

    def extract(self, clip: Clip, start: int, stop: int, track: FaceTrack) -> Masks: ...
