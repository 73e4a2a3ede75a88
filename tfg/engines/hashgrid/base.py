"""What all grid encoders share: the shape of a grid pyramid and the rules that find a table row (torch-ngp's `gridencoder`)."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tfg.types import InputError

Planes = tuple[tuple[int, ...], ...]  # of a point's coordinates, those that each plane takes

# Of a tri-plane, in the order of its tables and of its output: xy, yz, xz.
PLANES: Planes = ((0, 1), (1, 2), (0, 2))

# Of Instant-NGP's spatial hash (Mueller et al. 2022, eq. 4).
PRIMES = (1, 2_654_435_761, 805_459_861)

# Row mask of a level that fits its table whole.
NO_MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class HashGridSpec:
    """Shape of a grid pyramid: level l has resolution ceil(base * s**l), s = (desired / base) ** (1 / (levels - 1))."""

    dim: int  # 2 or 3
    levels: int
    channels: int  # features a level
    log2_size: int  # a level has at most 2**log2_size entries
    base: float  # resolution of level 0
    desired: float  # resolution of the last level before rounding up; may lie below `base`
    bound: float  # the grid covers [-bound, bound] ** dim
    kind: Literal["hash", "tiled"] = "hash"  # how a level that does not fit is folded into its table

    def __post_init__(self) -> None:
        for name, allowed in (("dim", (2, 3)), ("kind", ("hash", "tiled"))):
            if getattr(self, name) not in allowed:
                raise InputError(f"HashGridSpec.{name} is {getattr(self, name)!r}: choose one of {allowed}")
        for name, low, high in (("levels", 1, 64), ("channels", 1, 64), ("log2_size", 3, 28), ("base", 1, 1 << 16)):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"HashGridSpec.{name} is {getattr(self, name)}: it must lie in [{low}, {high}]")
        if not (self.desired >= 1 and self.bound > 0):
            raise InputError(f"HashGridSpec needs desired >= 1 and bound > 0, not {self.desired} and {self.bound}")

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """Cells between the first and the last sample position of each level: base * s**l - 1, not rounded."""
        step = float(np.exp2(np.log2(self.desired / self.base) / (self.levels - 1))) if self.levels > 1 else 1.0
        return tuple(self.base * step**level - 1.0 for level in range(self.levels))

    @cached_property
    def resolutions(self) -> tuple[int, ...]:
        """Cells along an axis, level by level; a level has resolution + 1 corners along an axis."""
        return tuple(math.ceil(scale + 1.0) for scale in self.scales)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """(levels + 1,) first table row of each level, and the number of rows of all."""
        sizes = [min(1 << self.log2_size, (resolution + 1) ** self.dim) for resolution in self.resolutions]
        return tuple(int(offset) for offset in np.cumsum([0, *(-(-size // 8) * 8 for size in sizes)]))

    @cached_property
    def strides(self) -> tuple[tuple[int, ...], ...]:
        """Per level the row step of each coordinate, or () where the level is hashed.

        torch-ngp stops adding coordinates once the stride exceeds the table: a folded `tiled` level ignores the rest.
        """
        steps: list[tuple[int, ...]] = []
        for level, resolution in enumerate(self.resolutions):
            size = self.offsets[level + 1] - self.offsets[level]
            row = [(resolution + 1) ** axis for axis in range(self.dim)]
            hashed = self.kind == "hash" and (resolution + 1) ** self.dim > size
            steps.append(() if hashed else tuple(stride if stride <= size else 0 for stride in row))
        return tuple(steps)

    @cached_property
    def masks(self) -> tuple[int, ...]:
        """Per level the bits of a row index that count: rows modulo a power of two where the level is folded, else all."""
        sizes = [self.offsets[level + 1] - self.offsets[level] for level in range(self.levels)]
        corners = [(resolution + 1) ** self.dim for resolution in self.resolutions]
        return tuple(NO_MASK if whole <= size else size - 1 for whole, size in zip(corners, sizes, strict=True))

    @property
    def num_params(self) -> int:
        """Rows of the table."""
        return self.offsets[-1]

    @property
    def output(self) -> int:
        """Width of the encoding of one point: levels * channels."""
        return self.levels * self.channels
