"""`hash_encode`, `triplane_encode`: multi-resolution grid encoding of 2D and 3D points (Instant-NGP), by the chosen engine.

The definition is `twin.py`; `cpu.py` and `cuda.py` compute the same function.
"""

import torch
from torch import Tensor

from tfg.engines.choose import resolve_triton
from tfg.engines.hashgrid import cpu, cuda, twin
from tfg.engines.hashgrid.base import PLANES, HashGridSpec, Planes
from tfg.types import InputError


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


def _encode(points: Tensor, tables: Tensor, spec: HashGridSpec, planes: Planes, engine: str) -> Tensor:
    """(n, planes * levels * channels) of points (n, width), tables (planes, num_params, channels)."""
    chosen = resolve_triton(engine, points.device, points.dtype)
    if chosen == "cuda":
        return cuda.encode(points, tables, spec, planes)
    if chosen == "cpu":
        return cpu.encode(points, tables, spec, planes)
    if torch.isnan(points).any():
        raise InputError("points contain NaN")
    return torch.cat(
        [twin.encode(points[:, axes], table, spec) for axes, table in zip(planes, tables, strict=True)], dim=1
    )
