"""Multi-resolution grid encoding of 2D and 3D points (Instant-NGP), by torch-ngp's level and index rules (its `gridencoder`).

The definition is the torch twin in `hashgrid_torch`; `hashgrid_cpu` and `hashgrid_cuda` compute the same function.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tfg.engines import hashgrid_torch
from tfg.engines.choose import resolve_triton
from tfg.types import InputError

PLANES = ((0, 1), (1, 2), (0, 2))
"""Coordinates of the three planes of a tri-plane, in the order of its tables and of its output: xy, yz, xz."""


@dataclass(frozen=True)
class HashGridSpec:
    """Shape of a grid pyramid: level l has resolution ceil(base * s**l), s = (desired / base) ** (1 / (levels - 1))."""

    dim: int  # 2 or 3
    levels: int
    channels: int  # features a level
    log2_size: int  # a level has at most 2**log2_size entries
    base: float  # resolution of level 0
    desired: float  # resolution of the last level before rounding up; may lie below `base`
    kind: Literal["hash", "tiled"] = "hash"  # how a level that does not fit is folded into its table
    bound: float = 1.0  # the grid covers [-bound, bound] ** dim

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
        found = []
        for level, resolution in enumerate(self.resolutions):
            size = self.offsets[level + 1] - self.offsets[level]
            row = [(resolution + 1) ** axis for axis in range(self.dim)]
            hashed = self.kind == "hash" and (resolution + 1) ** self.dim > size
            found.append(() if hashed else tuple(stride if stride <= size else 0 for stride in row))
        return tuple(found)

    @property
    def num_params(self) -> int:
        """Rows of the table."""
        return self.offsets[-1]

    @property
    def output(self) -> int:
        """Width of the encoding of one point: levels * channels."""
        return self.levels * self.channels


def hash_encode(points: Tensor, table: Tensor, spec: HashGridSpec, engine: str = "auto") -> Tensor:
    """(n, levels * channels) features of `points` (n, dim), interpolated from `table` (num_params, channels).

    Points are in [-bound, bound]; those outside get zeros and no gradient. Differentiable in points (piecewise constant
    gradient, as the interpolation is linear in each cell) and in the table.
    """
    _check(points, table, (spec.num_params, spec.channels), spec.dim, spec)
    return _encode(points, table[None], spec, ((tuple(range(spec.dim))),), engine)


def triplane_encode(points: Tensor, tables: Tensor, spec: HashGridSpec, engine: str = "auto") -> Tensor:
    """(n, 3 * levels * channels) features of `points` (n, 3) from the planes xy, yz, xz, concatenated in that order.

    `tables` is (3, num_params, channels), `spec.dim` is 2. Outside and gradients as in `hash_encode`, plane by plane.
    """
    if spec.dim != 2:
        raise InputError(f"triplane_encode needs HashGridSpec.dim=2, not {spec.dim}")
    _check(points, tables, (3, spec.num_params, spec.channels), 3, spec)
    return _encode(points, tables, spec, PLANES, engine)


def _check(points: Tensor, table: Tensor, shape: tuple[int, ...], width: int, spec: HashGridSpec) -> None:
    if points.ndim != 2 or points.shape[1] != width:
        raise InputError(f"points have shape {tuple(points.shape)}, expected (n, {width})")
    if tuple(table.shape) != shape:
        raise InputError(f"the table has shape {tuple(table.shape)}, expected {shape} for {spec}")
    if points.dtype != table.dtype or points.device != table.device:
        given = f"{points.dtype} on {points.device} and {table.dtype} on {table.device}"
        raise InputError(f"points and table must share dtype and device, but are {given}")


def _encode(
    points: Tensor, tables: Tensor, spec: HashGridSpec, planes: tuple[tuple[int, ...], ...], engine: str
) -> Tensor:
    """(n, planes * levels * channels) of points (n, width), tables (planes, num_params, channels)."""
    chosen = resolve_triton(engine, points.device, points.dtype)
    if chosen == "cuda":
        from tfg.engines import hashgrid_cuda

        return hashgrid_cuda.encode(points, tables, spec, planes)
    if chosen == "cpu":
        from tfg.engines import hashgrid_cpu

        return hashgrid_cpu.encode(points, tables, spec, planes)
    if torch.isnan(points).any():
        raise InputError("points contain NaN")
    return torch.cat(
        [hashgrid_torch.encode(points[:, axes], table, spec) for axes, table in zip(planes, tables, strict=True)], dim=1
    )
