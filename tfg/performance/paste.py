"""A rendered head put back into the whole pictures that it was cut from, along the path that its torso follows.

The surroundings are the true pictures of the training rows. Of the rendering only what is not theirs is taken: the head, and what
is behind it where the true head was. Its edge is soft, so neither the square nor the scaling shows.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator

import cv2
import numpy as np

from tfg.performance.channels import faded
from tfg.performance.walk import Walk
from tfg.types import Bools, Bytes, Clip, Crop, Floats, Portrait

FEATHER = 0.06  # of the square's side: from the whole rendering to the whole surroundings
LEAST_LEVELS = 6  # of 255, by which a rendering differs from what is behind it where the head is
MEMORY = 2**30  # bytes of decoded pictures that are kept
BLOCK = 8  # pictures decoded at once


class Surroundings:
    """Whole pictures of the rows of a training portrait, decoded when they are needed."""

    def __init__(self, portrait: Portrait, clip: Clip) -> None:
        self.clip = clip
        self._frames = portrait.frames
        self._range = int(portrait.frames.min()), int(portrait.frames.max()) + 1
        self._blocks: OrderedDict[int, Bytes] = OrderedDict()  # the one used last at the end
        size = BLOCK * clip.source_width * clip.source_height * 3
        self._most = max(2, MEMORY // size)

    def along(self, walk: Walk) -> Iterator[Bytes]:
        """(source_height, source_width, 3) for every frame of a walk, blended as the torso is."""
        for first, second, weight in zip(walk.first, walk.second, walk.weight_of_pictures(), strict=True):
            if weight in (0, 1):
                yield self._picture(second if weight else first)
            else:
                yield faded(self._picture(first), self._picture(second), weight)

    def _picture(self, row: int) -> Bytes:
        number, (low, high) = int(self._frames[row]), self._range
        block = (number - low) // BLOCK
        if block not in self._blocks:
            if len(self._blocks) >= self._most:
                self._blocks.popitem(last=False)
            start = low + block * BLOCK
            self._blocks[block] = self.clip.source_frames(start, min(start + BLOCK, high))
        self._blocks.move_to_end(block)
        return self._blocks[block][number - low - block * BLOCK]


class Paste:
    """`clip` is cut to the square that the portrait shows."""

    def __init__(self, portrait: Portrait, clip: Clip) -> None:
        self._portrait = portrait
        self._surroundings = Surroundings(portrait, clip)
        self._clip = clip

    def whole(self, rendered: Bytes, background: Bytes, walk: Walk) -> Iterator[Bytes]:
        """Whole pictures of some frames: renderings (n, size, size, 3), what is behind their heads, and their part of the walk."""
        pictures = zip(self._surroundings.along(walk), rendered, background, walk.first, walk.second, strict=True)
        for picture, image, behind, first, second in pictures:
            head = self._replaced(int(first)) | self._replaced(int(second)) | differs(image, behind)
            yield pasted(picture, image, soft(head), self._clip.crop)

    def _replaced(self, row: int) -> Bools:
        """(size, size) where a row's background is not its true picture: its head, widened."""
        portrait = self._portrait
        return portrait.head_mask[row] | (portrait.images[row] != portrait.background[row]).any(axis=-1)


def differs(image: Bytes, behind: Bytes) -> Bools:
    """(size, size) where a rendering shows something else than what is behind the head."""
    return np.asarray(cv2.absdiff(image, behind).max(axis=-1) >= LEAST_LEVELS)


def soft(inside: Bools) -> Floats:
    """(size, size) 1 inside, falling to 0 over FEATHER of the side around it, without a corner at either end."""
    outside = np.ascontiguousarray(~inside).view(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return _eased(1 - distance / (FEATHER * len(inside)))


def pasted(picture: Bytes, image: Bytes, weight: Floats, crop: Crop) -> Bytes:
    """A picture with the rendering of a square of it, as far as its weight (size, size) says; less towards the square's sides."""
    height, width = picture.shape[:2]
    left, right, column_share = _span(crop.x, crop.side, width)
    top, bottom, row_share = _span(crop.y, crop.side, height)
    place = Crop(x=crop.x - left, y=crop.y - top, side=crop.side)
    shape = (right - left, bottom - top)
    share = _placed(weight, place, shape, cv2.INTER_LINEAR) * row_share[:, None] * column_share
    new = _placed(image, place, shape, cv2.INTER_CUBIC)
    whole = picture.copy()
    part = whole[top:bottom, left:right]
    mixed = part + share[..., None] * (new.astype(np.float32) - part)
    part[...] = np.rint(mixed).clip(0, 255)
    return whole


def _span(start: float, side: float, extent: int) -> tuple[int, int, Floats]:
    """First and last pixel of a square along one axis of the picture, and (last - first,) share: 0 at a side within the picture."""
    first, last = max(0, math.floor(start)), min(extent, math.ceil(start + side))
    centres, reach = np.arange(first, last) + 0.5, FEATHER * side
    share = np.ones(last - first, np.float32)
    if start > 0:
        share = np.minimum(share, _eased((centres - start) / reach))
    if start + side < extent:
        share = np.minimum(share, _eased((start + side - centres) / reach))
    return first, last, share


def _placed(image: np.ndarray, place: Crop, shape: tuple[int, int], interpolation: int) -> np.ndarray:
    """A square scaled to its place in a picture of this (width, height), its border repeated; area mean when shrinking."""
    if place.side < len(image):
        side = max(1, round(place.side))
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    scale = place.side / len(image)
    centred = (scale - 1) / 2  # pixel centres are at halves
    matrix = np.array([[scale, 0, place.x + centred], [0, scale, place.y + centred]])
    return cv2.warpAffine(image, matrix, shape, flags=interpolation, borderMode=cv2.BORDER_REPLICATE)


def _eased(share: np.ndarray) -> Floats:
    """Cut to [0, 1], level at both ends."""
    share = share.clip(0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
