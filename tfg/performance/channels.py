"""What moves in a portrait, one channel each: how two rows are blended, and how far two frames differ.

What a path is decided on is computed without BLAS, by sums in a fixed order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.types import Bytes, Floats

Values = NDArray[Any]
Sizes = NDArray[np.float64]
COARSE = 4  # pixels between those that a search over many pictures compares


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One value a row, with the arithmetic of its kind."""

    values: Values  # (n, ...)
    differences: Callable[[Values, Values], Sizes]  # (m, ...), (m, ...) -> (m,)
    blend: Callable[[Values, Values, Sizes], Values]  # rows, rows, (m,) weight of the second -> (m, ...)

    def steps(self) -> Sizes:
        """(n - 1,) difference of neighbouring rows."""
        return self.differences(self.values[:-1], self.values[1:])

    @property
    def is_pictures(self) -> bool:
        return self.blend is _faded


def rotations(values: Floats) -> Channel:
    """(n, 3, 3); differences in radians, blended along the shortest rotation."""
    return Channel(values=values, differences=angles, blend=turned)


def positions(values: Floats) -> Channel:
    """(n, 3) head units; differences are distances."""
    return Channel(values=values, differences=_distances, blend=_mixed)


def curves(values: Floats) -> Channel:
    """(n, k) blendshapes; the difference is that of the curve that differs most."""
    return Channel(values=values, differences=_largest, blend=_mixed)


def pictures(values: Bytes) -> Channel:
    """(n, size, size, 3); differences are mean absolute levels, blends cross-fade. One a row at a time: they are large."""
    return Channel(values=values, differences=_mean_levels, blend=_faded)


def coarse(channel: Channel) -> Channel:
    """The same channel, of pictures only every COARSE-th pixel of every COARSE-th line."""
    return pictures(channel.values[:, ::COARSE, ::COARSE]) if channel.is_pictures else channel


def angles(first: Values, second: Values) -> Sizes:
    """Radians between rotations (m, 3, 3), from the length of their chord: exact also where they are almost equal."""
    chord = np.sqrt(((first.astype(np.float64) - second) ** 2).sum(axis=(-2, -1)))
    return 2 * np.arcsin(np.clip(chord / np.sqrt(8), 0, 1))


def turned(first: Values, second: Values, weight: Sizes) -> Values:
    """Rotations (m, 3, 3) part of the way from one to the other (Rodrigues' formula); a weight of 0 leaves the first's bits."""
    start = first.astype(np.float64)
    between = (start[:, :, :, None] * second.astype(np.float64)[:, :, None, :]).sum(axis=1)  # first^T @ second
    angle = angles(first, second)
    sine = np.where(angle > 0, np.sin(angle), 1.0)
    axis = (between - between.transpose(0, 2, 1)) / (2 * sine)[:, None, None]  # as a skew matrix
    squared = (axis[:, :, :, None] * axis[:, None, :, :]).sum(axis=2)
    part = (weight * angle)[:, None, None]
    turn = np.eye(3) + np.sin(part) * axis + (1 - np.cos(part)) * squared
    there = (start[:, :, :, None] * turn[:, None, :, :]).sum(axis=2)
    return np.where(weight[:, None, None] > 0, there, start).astype(np.float32)


def _distances(first: Values, second: Values) -> Sizes:
    return np.sqrt(((first.astype(np.float64) - second) ** 2).sum(axis=-1))


def _largest(first: Values, second: Values) -> Sizes:
    return np.abs(first.astype(np.float64) - second).max(axis=-1)


def _mean_levels(first: Values, second: Values) -> Sizes:
    def mean(one: Bytes, other: Bytes) -> float:
        return float((np.maximum(one, other) - np.minimum(one, other)).mean(dtype=np.float64))

    return np.array([mean(one, other) for one, other in zip(first, second, strict=True)])


def _mixed(first: Values, second: Values, weight: Sizes) -> Values:
    return ((1 - weight)[:, None] * first + weight[:, None] * second).astype(np.float32)


def _faded(first: Values, second: Values, weight: Sizes) -> Values:
    return np.stack(
        [faded(one, other, part) if part else one for one, other, part in zip(first, second, weight, strict=True)]
    )


def faded(one: Bytes, other: Bytes, part: float) -> Bytes:
    """A picture that is `part` of the way from one to the other."""
    mixed = one + np.float32(part) * (other.astype(np.float32) - one)
    return (mixed + 0.5).astype(np.uint8)
