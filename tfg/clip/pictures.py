"""Pictures of a video by display time: one open decoder that reads on where it stands and seeks where that is shorter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from tfg.clip.container import decoding, open_container, picture_stream
from tfg.clip.limits import MediaLimits
from tfg.clip.timeline import Timeline
from tfg.clip.window import Window
from tfg.types import Bytes, Crop, InputError

# swscale's defaults turn YUV into RGB one level too dark; with these the mean error is below 0.05 levels
CONVERSION = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.FULL_CHR_H_INT
)


class PictureDecoder:
    """Decodes forward; `at(time)` gives the picture on display at a time of the timeline."""

    def __init__(self, path: Path, timeline: Timeline, limits: MediaLimits) -> None:
        self._path = path
        self._timeline = timeline
        self._limits = limits
        self.converter = VideoReformatter()
        self._window: Window | None = None
        self._open()

    def _open(self) -> None:
        self._container: InputContainer = open_container(self._path, self._limits)
        with decoding(self._path, "picture"):
            self._stream = picture_stream(self._container, self._path, self._limits)
            self._stream.thread_type = "AUTO"
            self._restart()

    def _restart(self) -> None:
        """Decode from where the container stands."""
        self._pictures: Iterator[VideoFrame] = self._container.decode(self._stream)
        self._decoded = 0  # pictures since the start; stands in for time stamps where there are none
        self._shown: VideoFrame | None = None
        self._shown_time = 0
        self._ahead: VideoFrame | None = None
        self._ahead_time = 0
        self._advance()

    def close(self) -> None:
        self._container.close()

    def at(self, time: int) -> VideoFrame:
        """The last picture that begins at or before `time`, or the first of all."""
        with decoding(self._path, "picture"):
            key = self._timeline.key_before(time)
            if self._shown is None or time < self._shown_time or self._timeline.keys[key] > self._newest():
                self._seek(key, time)
            while self._shown_time < time and self._ahead is not None and self._ahead_time <= time:
                self._advance()
        if self._shown is None:
            raise InputError(f"{self._path}: no picture of it can be decoded; re-encode it or give another video")
        return self._shown

    def cropped(self, time: int, coded: tuple[int, int], crop: Crop, size: int) -> Bytes:
        """(size, size, 3) of a square of the picture at `time`, whose pictures are `coded` (width, height) wide and high.

        Only what the crop shows is converted, with the same values, where `Window.is_exact`.
        """
        with decoding(self._path, "picture"):
            return self._cropped(self.at(time), coded, crop, size)

    def size_at(self, time: int) -> tuple[int, int]:
        """(width, height) of the picture at `time` as it is coded, not turned."""
        picture = self.at(time)
        return picture.width, picture.height

    def whole(self, time: int, coded: tuple[int, int]) -> Bytes:
        """(height, width, 3) of the picture at `time`, upright; scaled to `coded` (width, height) before it is turned."""
        with decoding(self._path, "picture"):
            return upright(self.at(time), self.converter, *coded)

    def _cropped(self, picture: VideoFrame, coded: tuple[int, int], crop: Crop, size: int) -> Bytes:
        if picture.rotation or coded != (picture.width, picture.height) or not Window.is_exact(picture):
            return crop_resize(upright(picture, self.converter, *coded), crop, size)
        if self._window is None or not self._window.fits(crop, picture):
            self._window = Window(crop, picture)
        shown = upright(self._window.cut(picture), self.converter)
        return crop_resize(self._window.put_back(shown), crop, size)

    def _newest(self) -> int:
        return self._shown_time if self._ahead is None else self._ahead_time

    def _seek(self, key: int, time: int) -> None:
        """Stand at or before `time`; MPEG program streams land too late: then one key picture earlier, and so on to the start."""
        step = 1
        while key > 0:
            self._container.seek(int(self._timeline.keys[key]), stream=self._stream, backward=True)
            self._restart()
            if self._shown is not None and self._shown_time <= time:
                return
            key, step = max(0, key - step), 2 * step
        self.close()
        self._open()

    def _advance(self) -> None:
        """The picture ahead becomes the one shown; at the start of decoding both are read."""
        if self._shown is None:
            self._shown, self._shown_time = self._read()
        else:
            self._shown, self._shown_time = self._ahead, self._ahead_time
        self._ahead, self._ahead_time = self._read()

    def _read(self) -> tuple[VideoFrame | None, int]:
        picture = next(self._pictures, None)
        if picture is None:
            return None, 0
        times = self._timeline.times
        if self._timeline.stamped and picture.pts is not None:
            return picture, picture.pts
        number, self._decoded = self._decoded, self._decoded + 1
        return picture, int(times[min(number, len(times) - 1)])


def upright(
    picture: VideoFrame, converter: VideoReformatter, width: int | None = None, height: int | None = None
) -> Bytes:
    """(height, width, 3) RGB with the container's rotation flag applied; scaled to width x height (before rotation) if given.

    `converter`: one for all pictures of a video; making one costs more than a small picture's conversion.
    """
    colours = converter.reformat(picture, width, height, "rgb24", interpolation=CONVERSION, threads=1)
    return np.rot90(colours.to_ndarray(), k=round(picture.rotation / 90) % 4)


def crop_resize(image: Bytes, crop: Crop, size: int) -> Bytes:
    """(size, size, 3) of a square of the picture, edge pixels repeated outside of it; area mean when shrinking, else cubic."""
    side = max(1, round(crop.side))
    left, top = round(crop.x), round(crop.y)
    height, width = image.shape[:2]
    if (left, top, side) != (crop.x, crop.y, crop.side):
        # a crop between pixels: first a bilinear patch of about the same scale, so that the area mean stays exact
        scale = side / crop.side
        offset = np.array([-crop.x, -crop.y]) * scale + (scale - 1) / 2
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]], np.float64)
        flags = cv2.INTER_LINEAR
        patch = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    elif left < 0 or top < 0 or left + side > width or top + side > height:
        rows = np.clip(np.arange(top, top + side), 0, height - 1)
        columns = np.clip(np.arange(left, left + side), 0, width - 1)
        patch = image[rows[:, None], columns[None, :]]
    else:
        patch = image[top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(patch)
    method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(patch), (size, size), interpolation=method), np.uint8)
