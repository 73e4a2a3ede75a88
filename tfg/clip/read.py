"""A video file as a `Clip`: 25 frames a second on demand, 16 kHz mono sound, both on one clock."""

from __future__ import annotations

import functools
import os
import re
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np

from tfg.assets import checksum
from tfg.clip.container import open_media
from tfg.clip.limits import MediaLimits, default_limits
from tfg.clip.pictures import PictureDecoder
from tfg.clip.sound import read_aligned_audio
from tfg.clip.timeline import Timeline, read_timeline
from tfg.types import SAMPLES_PER_FRAME, Bytes, Clip, Crop, Floats, InputError


def read_clip(
    path: str | Path,
    *,
    size: int = 128,
    crop: Crop | None = None,
    name: str | None = None,
    identity: str | None = None,
    limits: MediaLimits | None = None,
) -> Clip:
    """A clip whose frames and sound are read when asked for, nothing of it held out; InputError if it cannot be used.

    Without `crop` the largest square in the middle is taken; without `name` the file's own; the sidecar is the `.npz` beside the file
    if there is one; the identity is the file's digest unless another is declared; limits are those of conf/ unless given.
    """
    path = Path(path).expanduser()
    if size < 16 or size % 2:
        raise InputError(f"clip.size: is {size}; give an even number of pixels from 16 on, such as 128")
    if crop is not None and crop.side < 1:
        raise InputError(f"clip.crop: side is {crop.side}; give at least 1 pixel")
    reader = open_video(path, limits)
    if not reader.has_sound:
        raise InputError(f"{path}: has no sound track; a talking head is learned from speech: give a video with sound")
    width, height = reader.source_width, reader.source_height
    beside = path.with_suffix(".npz")
    side = float(min(width, height))
    return Clip(
        path=path,
        name=re.sub(r"[^A-Za-z0-9_]+", "_", name or path.stem).strip("_") or "clip",
        digest=reader.digest,
        identity=identity or reader.digest,
        num_frames=reader.shape[0],
        num_reference_frames=reader.shape[0],
        source_width=width,
        source_height=height,
        crop=crop or Crop(x=(width - side) // 2, y=(height - side) // 2, side=side),
        size=size,
        reader=reader,
        sidecar=beside if beside.is_file() else None,
    )


def open_video(path: str | Path, limits: MediaLimits | None = None) -> VideoReader:
    """The pictures of any video, with or without sound; InputError if it cannot be used. Limits: of conf/ unless given."""
    path, limits = Path(path).expanduser(), limits or default_limits()
    return VideoReader(path, read_timeline(path, limits), limits)


class VideoReader:
    """A `MediaReader` of one file. Holds one open decoder and, once asked for, the sound track; both are left behind by pickling."""

    def __init__(self, path: Path, timeline: Timeline, limits: MediaLimits) -> None:
        self._path = path
        self._timeline = timeline
        self._limits = limits
        self._lock = threading.Lock()
        self._decoder: PictureDecoder | None = None
        self._process = 0  # the process that opened the decoder: a forked one must open its own
        self._inherited: list[PictureDecoder] = []  # kept unclosed: their threads did not survive the fork
        self._audio: Floats | None = None
        decoder = self._open()
        first = int(timeline.times[0])
        self._coded = decoder.size_at(first)
        self.source_height, self.source_width = decoder.whole(first, self._coded).shape[:2]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames at 25 fps, height, width)."""
        return self._timeline.num_frames, self.source_height, self.source_width

    @property
    def rate(self) -> float:
        """Pictures a second in the file, on average; frames are given at 25."""
        return self._timeline.rate

    @property
    def path(self) -> Path:
        return self._path

    @property
    def start_seconds(self) -> Fraction:
        """When frame 0 begins, on the container's clock."""
        return self._timeline.start_seconds

    @functools.cached_property
    def digest(self) -> str:
        """sha256 of the file."""
        return checksum(self._path)

    @functools.cached_property
    def has_sound(self) -> bool:
        with open_media(self._path, self._limits) as container:
            return bool(container.streams.audio)

    def frames(self, start: int, stop: int, crop: Crop | None = None, size: int | None = None) -> Bytes:
        """Frames [start, stop): (n, source_height, source_width, 3), or (n, size, size, 3) of a crop."""
        if not 0 <= start <= stop <= self._timeline.num_frames:
            raise IndexError(f"frames [{start}, {stop}) of {self._path}, which has {self._timeline.num_frames}")
        if crop is not None and size is None:
            raise ValueError("frames: a crop needs a size")
        shape = (self.source_height, self.source_width) if crop is None or size is None else (size, size)
        images = np.empty((stop - start, *shape, 3), np.uint8)
        before: int | None = None
        with self._lock:
            decoder = self._open()
            for row, time in enumerate(self._timeline.picture_times(start, stop).tolist()):
                if time == before:
                    images[row] = images[row - 1]
                    continue
                if crop is None or size is None:
                    images[row] = decoder.whole(time, self._coded)
                else:
                    images[row] = decoder.cropped(time, self._coded, crop, size)
                before = time
        return images

    def audio(self) -> Floats:
        """(num_frames * 640,) mono 16 kHz in [-1, 1]; sample 0 sounds when frame 0 appears."""
        with self._lock:
            if self._audio is None:
                length = self._timeline.num_frames * SAMPLES_PER_FRAME
                self._audio = read_aligned_audio(self._path, self._timeline.start_seconds, length, self._limits)
            return self._audio

    def _open(self) -> PictureDecoder:
        if self._decoder is not None and self._process != os.getpid():
            self._inherited.append(self._decoder)
            self._decoder = None
        if self._decoder is None:
            self._decoder = PictureDecoder(self._path, self._timeline, self._limits)
            self._process = os.getpid()
        return self._decoder

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_lock": None, "_decoder": None, "_inherited": []}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
