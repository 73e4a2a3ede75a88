"""The C path of grid encoding: `engines/cpu/hashgrid.c` behind an autograd function; float32 on the CPU."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.engines.hashgrid.base import HashGridSpec, Planes
from tfg.types import InputError

LEVELS_PER_TASK = 4  # of the table gradient: neighbours share the cache lines of the incoming gradient


class _Level(ctypes.Structure):
    _fields_ = (
        ("scale", ctypes.c_double),
        ("first", ctypes.c_uint32),
        ("mask", ctypes.c_uint32),
        ("hashed", ctypes.c_uint32),
        ("stride", ctypes.c_uint32 * 3),
    )


class _Grid(ctypes.Structure):
    _fields_ = (
        ("bound", ctypes.c_double),
        *((name, ctypes.c_int64) for name in ("dim", "levels", "channels", "planes", "width", "rows")),
        ("axes", ctypes.c_int32 * 9),
        ("level", ctypes.POINTER(_Level)),
    )


@functools.lru_cache(maxsize=64)
def grid_of(spec: HashGridSpec, planes: Planes, width: int) -> _Grid:
    """The C description of a spec; it keeps its levels alive."""
    levels = (_Level * spec.levels)()
    for index, (scale, strides, mask) in enumerate(zip(spec.scales, spec.strides, spec.masks, strict=True)):
        steps = (ctypes.c_uint32 * 3)(*strides)
        levels[index] = _Level(scale, spec.offsets[index], mask, int(not strides), steps)
    axes = (ctypes.c_int32 * 9)(*(axis for plane in planes for axis in plane))
    return _Grid(spec.bound, spec.dim, spec.levels, spec.channels, len(planes), width, spec.num_params, axes, levels)


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, tables: Tensor, spec: HashGridSpec, planes: Planes) -> Tensor:
        points, tables = points.contiguous(), tables.contiguous()
        grid = grid_of(spec, planes, points.shape[1])
        out = torch.empty((len(points), len(planes) * spec.output))
        count = ctypes.c_int64(len(points))
        library = build.load("hashgrid")
        if library.tfg_hash_forward(
            ctypes.byref(grid), build.pointer(points), count, build.pointer(tables), build.pointer(out)
        ):
            raise InputError("points contain NaN")
        ctx.save_for_backward(points, tables)
        ctx.grid = grid
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        points, tables = ctx.saved_tensors
        grad = grad.contiguous()
        library, grid, count = build.load("hashgrid"), ctypes.byref(ctx.grid), ctypes.c_int64(len(points))
        grad_points, grad_tables = None, None
        if ctx.needs_input_grad[1]:
            grad_tables = torch.empty_like(tables)
            group = ctypes.c_int64(LEVELS_PER_TASK)
            library.tfg_hash_backward_tables(
                grid, build.pointer(points), count, build.pointer(grad), build.pointer(grad_tables), group
            )
        if ctx.needs_input_grad[0]:
            grad_points = torch.empty_like(points)
            library.tfg_hash_backward_points(
                grid,
                build.pointer(points),
                count,
                build.pointer(tables),
                build.pointer(grad),
                build.pointer(grad_points),
            )
        return grad_points, grad_tables, None, None


def encode(points: Tensor, tables: Tensor, spec: HashGridSpec, planes: Planes) -> Tensor:
    """(n, planes * levels * channels) of points (n, width), tables (planes, num_params, channels)."""
    return _Encode.apply(points, tables, spec, planes)
