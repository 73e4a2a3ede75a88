"""The nouns every room shares: media, faces, segments, portraits, batches. Frozen; shapes, units and ranges on every field.

Conventions, once for the whole project:
- frames are 25 per second and indexed from 0; ranges are half open, [start, stop);
- images are RGB, uint8 in [0, 255] at rest and float32 in [0, 1] in batches, (n, height, width, 3);
- pixel coordinates are (x right, y down), the centre of the top left pixel is (0.5, 0.5);
- cameras follow OpenCV (x right, y down, z forward): x_camera = rotation @ x_head + translation, u = focal * x/z + center;
- head space is right handed, x to the image's right for a frontal face, y down, z into the head (away from the camera), unit = the
  distance between the outer eye corners; the origin is the centroid of the rigid face shape. A head with hair
  lies inside [-2, 2]^3, its face inside [-1, 1]^3. With rotation = identity the face looks straight at the camera.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NotRequired, Protocol, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

FPS = 25
SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
NUM_LANDMARKS = 68
NUM_BLENDSHAPES = 52
# The seven blendshapes that condition a backbone beside the audio (SyncTalk's `upper`); none of them moves the mouth.
UPPER_FACE = (
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
)
# Implementations of the costly functions, chosen by `backbone.engine`: name -> the device that it needs.
ENGINES = {"auto": None, "torch": None, "cpu": "cpu", "cuda": "cuda", "tinycudann": "cuda"}
PRECISIONS = ("float32", "bfloat16")  # of what rendering multiplies, chosen by `backbone.precision`

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Rows = slice | NDArray[np.int64]

_WHOLE = {"rows": False}  # metadata of an array that has no row for each frame
_Noun = TypeVar("_Noun")


class InputError(ValueError):
    """Something the user can mend: the message is one line that names the file or config key and the remedy. Exit code 2."""


def _take(noun: _Noun, rows: Rows) -> _Noun:
    """The same noun with these rows of every array that has one row a frame, also of the nouns in it."""
    kept: dict[str, Any] = {}
    for part in fields(noun):  # type: ignore[arg-type]
        value = getattr(noun, part.name)
        if isinstance(value, Cameras):
            kept[part.name] = value.take(rows)
        elif isinstance(value, np.ndarray) and part.metadata.get("rows", True):
            kept[part.name] = value[rows]
    return replace(noun, **kept)  # type: ignore[type-var]


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of the source picture, in source pixels; it may reach over the border, where the edge is replicated."""

    x: float
    y: float
    side: float


class MediaReader(Protocol):
    """Reads one media file by frame range; implemented in `tfg/clip/`."""

    def frames(self, start: int, stop: int, crop: Crop | None = None, size: int | None = None) -> Bytes:
        """Frames [start, stop) at 25 fps, upright: (n, source_height, source_width, 3), or (n, size, size, 3) of a crop."""
        ...

    def audio(self) -> Floats:
        """The whole sound track, mono 16 kHz in [-1, 1], aligned by timestamps to frame 0: (num_frames * 640,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One video with sound, read on demand. `frames()` gives the square crop at `size`; `source_frames()` the whole picture."""

    path: Path
    name: str  # file-name safe, used in run names
    digest: str  # sha256 of the file
    identity: str  # what seeds and ids depend on: sha256 of a video's bytes, or the embedded clip's specification
    num_frames: int  # at 25 fps
    num_reference_frames: int  # the first frames, which may be selected and trained on; the rest is held out
    source_width: int
    source_height: int
    crop: Crop
    size: int  # pixels of the square the models see
    reader: MediaReader
    sidecar: Path | None = None  # npz of ground truth, only beside clips that the project rendered
    sound_offset: int = 0  # frames by which the file's sound is late (negative: early); `audio()` has it mended

    def frames(self, start: int, stop: int) -> Bytes:
        """(n, size, size, 3)."""
        return self.reader.frames(start, stop, self.crop, self.size)

    def source_frames(self, start: int, stop: int) -> Bytes:
        """(n, source_height, source_width, 3)."""
        return self.reader.frames(start, stop)

    def audio(self) -> Floats:
        """(num_frames * 640,) mono 16 kHz in [-1, 1], in time with the pictures; silent where the file has no sound for them."""
        sound, late = self.reader.audio(), self.sound_offset * SAMPLES_PER_FRAME
        if late > 0:
            return np.concatenate([sound[late:], np.zeros(min(late, len(sound)), sound.dtype)])
        if late < 0:
            return np.concatenate([np.zeros(min(-late, len(sound)), sound.dtype), sound[:late]])
        return sound

    def to_clip(self, points: Floats) -> Floats:
        """Source pixels -> pixels of the `size` x `size` crop; any shape (..., 2)."""
        scale = self.size / self.crop.side
        return ((points - np.array([self.crop.x, self.crop.y], np.float32)) * scale).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """The face in a run of frames, as an extractor reads it; rows where `num_faces` is 0 are NaN."""

    start: int  # first frame
    num_faces: NDArray[np.int64]  # (n,) faces of comparable size found in the frame: 0, 1, 2 ...
    landmarks: Floats  # (n, 68, 2) iBUG-68 order, in source pixels
    upper: Floats  # (n, 7) UPPER_FACE blendshapes in [0, 1]
    blendshapes: Floats  # (n, 52) MediaPipe order in [0, 1]; NaN where the extractor has none
    head_rotation: Floats  # (n, 3, 3) the extractor's own, camera from head, OpenCV axes; NaN where it has none

    def rows(self, start: int, stop: int) -> FaceTrack:
        """Rows [start, stop), counted from the track's first frame."""
        return replace(self.take(slice(start, stop)), start=self.start + start)

    def take(self, rows: Rows) -> FaceTrack:
        """Some rows in the order given; `start` stays."""
        return _take(self, rows)

    @classmethod
    def empty(cls, start: int, count: int) -> FaceTrack:
        """No face in any of `count` frames: to be filled in."""

        def missing(*shape: int) -> Floats:
            return np.full((count, *shape), np.nan, np.float32)

        return cls(
            start=start,
            num_faces=np.zeros(count, np.int64),
            landmarks=missing(NUM_LANDMARKS, 2),
            upper=missing(len(UPPER_FACE)),
            blendshapes=missing(NUM_BLENDSHAPES),
            head_rotation=missing(3, 3),
        )


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Consecutive frames of a clip, one at least."""

    start: int  # first frame
    num_frames: int

    @property
    def stop(self) -> int:
        return self.start + self.num_frames


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What of a clip a head is trained on, in whole frames: one piece, or several in the order of time, of which no two touch."""

    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        assert self.pieces, "a segment without frames"
        assert all(one.stop < other.start for one, other in pairwise(self.pieces)), "pieces touch or are out of order"

    @staticmethod
    def whole(start: int, num_frames: int) -> Segment:
        """In one piece."""
        return Segment(pieces=(Piece(start=start, num_frames=num_frames),))

    @staticmethod
    def joined(starts: Iterable[int], num_frames: int) -> Segment:
        """Of stretches of `num_frames` frames each, in any order; those that touch or overlap are one piece."""
        found: list[Piece] = []
        for start in sorted(starts):
            if found and start <= found[-1].stop:
                found[-1] = replace(found[-1], num_frames=start + num_frames - found[-1].start)
            else:
                found.append(Piece(start=start, num_frames=num_frames))
        return Segment(pieces=tuple(found))

    @property
    def num_frames(self) -> int:
        return sum(piece.num_frames for piece in self.pieces)

    @property
    def frames(self) -> NDArray[np.int64]:
        """(num_frames,) of the clip, ascending."""
        return np.concatenate([np.arange(piece.start, piece.stop, dtype=np.int64) for piece in self.pieces])

    @property
    def numbers(self) -> tuple[tuple[int, int], ...]:
        """First frame and number of frames of each piece."""
        return tuple((piece.start, piece.num_frames) for piece in self.pieces)

    @property
    def start(self) -> int:
        """First frame of a segment in one piece; of several no start says which frames they are."""
        assert len(self.pieces) == 1, "a segment of several pieces where one was expected"
        return self.pieces[0].start

    @property
    def stop(self) -> int:
        return self.start + self.num_frames


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """Per-frame head-to-camera poses with one focal length, for pictures of `size` x `size` pixels."""

    rotation: Floats  # (n, 3, 3)
    translation: Floats  # (n, 3) head units
    focal: float  # pixels
    size: int  # the principal point is (size / 2, size / 2)

    def take(self, rows: Rows) -> Cameras:
        """Those of some frames, in the order given."""
        return _take(self, rows)


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """A run of frames with all that a backbone is trained on or renders; n frames of `size` x `size` pixels."""

    frames: NDArray[np.int64]  # (n,) frame index in the clip
    images: Bytes  # (n, size, size, 3) the truth
    background: Bytes  # (n, size, size, 3) true torso and background, head removed and filled
    head_mask: Bools  # (n, size, size) head with hair, without neck
    mouth_mask: Bools  # (n, size, size) inside of the lips' outer contour
    landmarks: Floats  # (n, 68, 2) in clip pixels
    audio: Floats  # (n, channels) what drives the head: raw audio features, or lip motion in head units
    upper: Floats  # (n, 7) UPPER_FACE in [0, 1]
    cameras: Cameras
    face_shape: Floats = field(metadata=_WHOLE)  # (68, 3) rigid face shape in head space, of the joint pose fit

    def rows(self, start: int, stop: int) -> Portrait:
        """Frames [start, stop) of the portrait, counted from its first row."""
        return self.take(slice(start, stop))

    def take(self, rows: Rows) -> Portrait:
        """Some frames of it, in the order given; a row may come twice."""
        return _take(self, rows)


@dataclass(frozen=True, kw_only=True)
class UniversalMotion:
    """Motion fields learned from several people, which another person's head may start from."""

    shape: dict[str, Any]  # settings of the networks, which that head must share
    tensors: dict[str, Floats]  # `face/<parameter>` and `mouth/<parameter>`


class Batch(TypedDict):
    """What `Backbone.training_step` and `Backbone.render` receive: torch tensors, float32; b frames, usually 1."""

    index: object  # (b,) int64 row in the training portrait
    audio: object  # (b, 8, channels) normalised window [i - 4, i + 4) of what drives the head, zero outside the run
    upper: object  # (b, 7) in [0, 1]
    rotation: object  # (b, 3, 3)
    translation: object  # (b, 3)
    background: object  # (b, size, size, 3) in [0, 1]
    image: NotRequired[object]  # (b, size, size, 3) in [0, 1]; training only
    head_mask: NotRequired[object]  # (b, size, size) 0 or 1; training only
    mouth_mask: NotRequired[object]  # (b, size, size) 0 or 1; training only
    landmarks: NotRequired[object]  # (b, 68, 2) clip pixels; training only
    person: NotRequired[object]  # (b,) int64; of a training on several people only


@dataclass(frozen=True, kw_only=True)
class Frames:
    """A rendered or true run of pictures with its place in the clip."""

    frames: NDArray[np.int64]  # (n,) frame index in the clip
    images: Bytes  # (n, size, size, 3)

    def rows(self, start: int, stop: int) -> Frames:
        """Pictures [start, stop), counted from the first."""
        return _take(self, slice(start, stop))
