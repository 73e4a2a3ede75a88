"""An invisible watermark in the brightness of every frame: one fixed payload, found again by adding up the frames of a video.

Spread spectrum (Cox et al. 1997, "Secure Spread Spectrum Watermarking for Multimedia"): the picture is divided into cells, each
made a little brighter or darker by a pseudo-random sign and the payload bit that it carries. What is added follows the texture, and
is more where the picture itself speaks against the payload. Cells are a share of the picture: it may be scaled, but not cut.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tfg.types import Bytes, Floats

BITS = 64
CELLS = 64  # of the shorter side, which needs two pixels for each to keep the watermark when it is encoded
SHARE = 0.35  # of a cell's unevenness that is added to it
WANTED = 0.4  # evidence of a cell, mean of those of a bit: the more of it a picture has by itself, the less is added
GAINS = (0.5, 3.0)  # times what is added by itself
WEAKEST, STRONGEST = 1.0, 3.0  # levels of 255: less is lost when pixels are rounded, more can be seen
TEXTURE = 3.0  # times the mean difference of pixels to their neighbours: a cell's unevenness counts no more than this
FULL_STRENGTH = 256  # pixels of the shorter side: of larger pictures cells have more pixels, and less is enough
SURROUNDINGS = 5  # cells: what is compared with a cell
SMOOTHEST = 1.0  # levels of unevenness below which a cell is no better evidence
MOST_EVIDENCE = 2.0  # times the unevenness around: an edge counts no more
FALSE_ALARM = 1e-6  # share of unmarked videos that may be taken for marked ones
KEY = b"tfg watermark 1"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which cell carries which bit with which sign, in a picture of a given shape."""

    signs: Floats  # (rows, columns) -1 or 1
    bit: NDArray[np.int64]  # (rows, columns) 0 to BITS - 1
    payload: Floats  # (BITS,) -1 or 1

    @property
    def added(self) -> Floats:
        """(rows, columns) direction in which a marked cell differs from an unmarked one."""
        return self.signs * self.payload[self.bit]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the frames of a video say together."""

    matched: int  # of BITS
    frames: int

    @property
    def chance(self) -> float:
        """Probability that an unmarked video matches at least as many bits: each does by a fair coin, for its signs are random."""
        return sum(math.comb(BITS, count) for count in range(self.matched, BITS + 1)) / 2**BITS

    @property
    def is_marked(self) -> bool:
        return self.chance <= FALSE_ALARM


@lru_cache(maxsize=4)
def plan(height: int, width: int, key: bytes = KEY) -> Plan:
    """Of pictures of this shape; the same for every scaling of them."""
    short = min(height, width)
    rows, columns = round(CELLS * height / short), round(CELLS * width / short)
    count = rows * columns
    stream = hashlib.shake_256(key).digest(BITS // 8 + count + 8 * count)  # of no library that may change its numbers
    payload, signs, order = np.split(np.frombuffer(stream, np.uint8), [BITS // 8, BITS // 8 + count])
    place = np.empty(count, np.int64)
    place[np.argsort(order.view(np.uint64), kind="stable")] = np.arange(count)
    return Plan(
        signs=(2.0 * (signs & 1) - 1).astype(np.float32).reshape(rows, columns),
        bit=(place % BITS).reshape(rows, columns),
        payload=(2.0 * np.unpackbits(payload) - 1).astype(np.float32),
    )


def marked(image: Bytes, key: bytes = KEY) -> Bytes:
    """A picture (height, width, 3) with the watermark."""
    height, width = image.shape[:2]
    where = plan(height, width, key)
    light = _light(image)
    difference, unevenness = _cells(light, where)
    covered = np.minimum(unevenness, TEXTURE * _texture(light, where))  # a plain cell beside an edge hides nothing
    usual = np.clip(SHARE * covered, WEAKEST, STRONGEST) * math.sqrt(min(1, FULL_STRENGTH / min(height, width)))
    own = _votes(_evidence(difference, unevenness) * where.added, where)
    gain = np.clip((WANTED - own) / _votes(usual / np.maximum(unevenness, SMOOTHEST), where), *GAINS)
    strength = (usual * gain[where.bit]).astype(np.float32)
    added = cv2.resize(where.added * strength, (width, height), interpolation=cv2.INTER_LINEAR)
    levels = np.floor(added + _dither(height, width)).astype(np.int16)
    return np.asarray(cv2.add(image, cv2.merge([levels] * 3), dtype=cv2.CV_8U), np.uint8)


def look(images: Iterable[Bytes], key: bytes = KEY) -> Finding:
    """Whether pictures of one video, all of one shape, carry the watermark."""
    total, frames, shape = np.zeros(1), 0, (2, 2)
    for image in images:
        shape = image.shape[:2]
        total, frames = total + evidence_of(image), frames + 1
    return decide(total, frames, plan(*shape, key)) if frames else Finding(matched=0, frames=0)


def decide(total: NDArray[np.float64], frames: int, where: Plan) -> Finding:
    """What the sum of the evidence of some frames says."""
    return Finding(matched=int((_votes(total * where.added, where) > 0).sum()), frames=frames)


def evidence_of(image: Bytes) -> Floats:
    """(rows, columns) for every cell of a picture having been made brighter."""
    light = _light(image)
    return _evidence(*_cells(light, plan(*light.shape)))


def _evidence(difference: Floats, unevenness: Floats) -> Floats:
    """(rows, columns) for a cell having been made brighter."""
    return np.asarray(
        np.clip(difference / np.maximum(unevenness, SMOOTHEST), -MOST_EVIDENCE, MOST_EVIDENCE), np.float32
    )


def _votes(evidence: NDArray[np.floating], where: Plan) -> NDArray[np.float64]:
    """(BITS,) mean over the cells of each bit."""
    bits = where.bit.ravel()
    return np.asarray(
        np.bincount(bits, evidence.ravel(), minlength=BITS) / np.bincount(bits, minlength=BITS),
        np.float64,
    )


def _light(image: Bytes) -> Bytes:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _cells(light: Bytes, where: Plan) -> tuple[Floats, Floats]:
    """(rows, columns) how much brighter a cell is than those around it, and how uneven these are, in levels."""
    cells = _mean(light.astype(np.float32), where)
    around = (SURROUNDINGS, SURROUNDINGS)
    difference = np.asarray(cells - cv2.blur(cells, around), np.float32)
    return difference, np.sqrt(cv2.blur(difference * difference, around)).astype(np.float32)


def _texture(light: Bytes, where: Plan) -> Floats:
    """(rows, columns) mean difference of a cell's pixels to their neighbours, in levels."""
    return _mean(cv2.absdiff(light, cv2.blur(light, (3, 3))).astype(np.float32), where)


def _mean(values: Floats, where: Plan) -> Floats:
    rows, columns = where.bit.shape
    return np.asarray(cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


@lru_cache(maxsize=4)
def _dither(height: int, width: int) -> Floats:
    """(height, width) in [0, 1): what is added keeps its mean in whole levels, without a pattern that can be seen.

    Jimenez 2014, "Next Generation Post Processing in Call of Duty", interleaved gradient noise.
    """
    rows, columns = np.mgrid[:height, :width]
    return np.modf(52.9829189 * np.modf(0.06711056 * columns + 0.00583715 * rows)[0])[0].astype(np.float32)
