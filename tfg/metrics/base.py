"""What a metric is: a pure look at a few frames at a time, and a conclusion about the whole; every number with its definition
and its facts: title, unit, which direction is better, digits in print.

Metrics hold no state, so a score cannot depend on how the frames were cut into chunks, on other metrics, or on other videos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tfg.record.metrics import IDENTICAL_DB
from tfg.types import Bools, Bytes, FaceTrack, Floats

MEAN_RULE = "a frame equal to its truth counts as 100 dB in the mean; a video equal in every frame gives inf"
NO_TRUTH = "no truth was given"
NO_AUDIO = "no sound was given"
NO_FACE = "no face was found in any frame"

PerFrame = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MetricFacts:
    """What every printer of a number needs; written into each result beside the value."""

    title: str
    unit: str = ""
    better: Literal["up", "down", "none"]  # none: a diagnosis, to be compared with the truth's
    digits: int  # after the point
    curve: str = ""  # what the numbers per frame are, where the value is not their mean


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """Exactly one of `value` and `unavailable` is set. `value` may be inf (PSNR of identical videos), never NaN."""

    definition: str  # region, range, size, frames, crop, weights' checksum
    facts: MetricFacts
    value: float | None = None
    unavailable: str | None = None  # why, and what would make it available
    per_frame: tuple[float | None, ...] | None = None  # None where a frame has no number, such as no face

    def __post_init__(self) -> None:
        if (self.value is None) == (self.unavailable is None):
            raise ValueError("MetricValue: give either value or unavailable")
        if self.value is not None and np.isnan(self.value):
            raise ValueError("MetricValue: NaN is no value; say why it is unavailable")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a metric concludes: a value, or the reason why there is none."""

    value: float | None = None
    missing: str | None = None
    per_frame: PerFrame | None = None  # (n,), NaN where a frame has no number


class Pictures(Protocol):
    """A video on demand: pictures in memory or a file."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(number of frames, height, width)."""
        ...

    def frames(self, start: int, stop: int) -> Bytes:
        """(stop - start, height, width, 3)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A few frames looked at together; n frames. What is None was not given."""

    start: int  # index of the first
    prediction: Bytes  # (n, height, width, 3)
    truth: Bytes | None  # same
    prediction_before: Bytes | None  # (height, width, 3) the frame before the first; None at the start of the video
    truth_before: Bytes | None  # same
    made: FaceTrack  # n rows, faces read in the prediction, in its pixels
    true: FaceTrack | None  # n rows, the same reader's faces in the truth
    face_boxes: NDArray[np.int64]  # (n, 4) left, top, right, bottom; zeros where no face is known (regions.py)
    mouth_boxes: NDArray[np.int64]  # same


@dataclass(frozen=True, kw_only=True)
class ScoredVideo:
    """The whole of a video that is scored; n frames at 25 fps."""

    prediction: Pictures
    truth: Pictures | None
    made: FaceTrack  # n rows
    true: FaceTrack | None  # n rows
    audio: Floats | None  # (n * 640,) mono 16 kHz: the sound the prediction was made for
    where: str  # "537 held-out frames of 128x128": joins every definition
    reader: str  # which face reader, joins the definitions of what was read

    @property
    def num_frames(self) -> int:
        return self.prediction.shape[0]

    @property
    def has_face(self) -> Bools:
        """(n,) whether a face was found in the prediction and, where there is one, in the truth."""
        found = self.made.num_faces > 0
        return found if self.true is None else found & (self.true.num_faces > 0)


class Metric(Protocol):
    """One family of numbers. Both methods are pure functions of their arguments."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def facts(self) -> Mapping[str, MetricFacts]:
        """Of every name."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Of "truth", "audio", "faces", "chunks" (the pictures are looked at)."""
        ...

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        """Arrays of n rows each; concatenated over all chunks they are the `rows` of `conclude`."""
        ...

    def define(self, video: ScoredVideo) -> dict[str, str]:
        """One sentence for every name: formula, region, range, weights, frames left out."""
        ...

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        """Every name's value or the reason why there is none."""
        ...


def mean(per_frame: PerFrame) -> Outcome:
    """Mean over the frames that have a number. Infinite ones by MEAN_RULE; no number at all: no face in any frame."""
    known = per_frame[~np.isnan(per_frame)]
    if not len(known):
        return Outcome(missing=NO_FACE)
    if np.isinf(known).all():
        return Outcome(value=float("inf"), per_frame=per_frame)
    return Outcome(value=float(np.where(np.isinf(known), IDENTICAL_DB, known).mean()), per_frame=per_frame)


def left_out(video: ScoredVideo) -> str:
    """How many frames have no face and therefore no number, for definitions."""
    return frames_left_out(video.has_face)


def frames_left_out(found: Bools) -> str:
    """The same of any (n,) frames; `found` says which have a face."""
    return f"{int((~found).sum())} of {len(found)} frames without a face left out"


def too_few_faces(found: Bools) -> str | None:
    """Why a number read off faces would not speak for the video: under half of its (n,) frames have one; None where it does."""
    if 2 * int(found.sum()) >= len(found) and found.any():
        return None
    return f"a face was found in only {int(found.sum())} of {len(found)} frames"


def pearson(first: PerFrame, second: PerFrame) -> float:
    """Correlation of two signals (n,) that both vary; exactly 1 of equal ones: x / sqrt(x * x) loses no bit."""
    a, b = first - first.mean(), second - second.mean()
    return float(np.clip((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), -1, 1))
