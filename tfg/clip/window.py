"""The part of a coded picture that a crop shows, cut out before its colours are converted."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from tfg.types import Bytes, Crop

_AROUND = 16  # pixels beyond the crop: more than the conversion of colours and the crop's interpolation reach


class Window:
    """Columns [left, right) and rows [top, bottom) of pictures of one size and format; even, so that no colour sample is halved."""

    def __init__(self, crop: Crop, picture: VideoFrame) -> None:
        self._pictures = (picture.width, picture.height, picture.format.name)
        self._crop = crop
        left, right = _reach(crop.x, crop.side, picture.width)
        top, bottom = _reach(crop.y, crop.side, picture.height)
        self._whole = np.zeros((picture.height, picture.width, 3), np.uint8)
        self._part = self._whole[top:bottom, left:right]
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 25)
        )
        cut = self._graph.add("crop", f"{right - left}:{bottom - top}:{left}:{top}")
        source.link_to(cut)
        cut.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    @staticmethod
    def is_exact(picture: VideoFrame) -> bool:
        """Whether a part has the colours of the whole: not with odd sides, nor with a colour sample for four pixels of a row."""
        if picture.width % 2 or picture.height % 2:
            return False
        shares = picture.format.chroma_width(_AROUND), picture.format.chroma_height(_AROUND)
        return min(shares) >= _AROUND // 2

    def fits(self, crop: Crop, picture: VideoFrame) -> bool:
        return self._crop == crop and self._pictures == (picture.width, picture.height, picture.format.name)

    def cut(self, picture: VideoFrame) -> VideoFrame:
        """The same samples, not copied."""
        self._graph.push(picture)
        cut = self._graph.pull()
        assert isinstance(cut, VideoFrame)
        return cut

    def put_back(self, part: Bytes) -> Bytes:
        """RGB of what was cut, where it stands in the picture: (height, width, 3), overwritten by the next; nothing else is shown."""
        self._part[:] = part
        return self._whole


def _reach(start: float, side: float, length: int) -> tuple[int, int]:
    low = math.floor(start - _AROUND) // 2 * 2
    high = math.ceil((start + side + _AROUND) / 2) * 2
    low, high = max(0, low), min(length, high)
    return (low, high) if low < high else (0, length)
