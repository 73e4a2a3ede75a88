"""The C path of grid encoding: `cpu/hashgrid.c` behind an autograd function; float32 on the CPU."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.types import InputError

if TYPE_CHECKING:
    from tfg.engines.hashgrid import HashGridSpec

WHOLE = 0xFFFFFFFF  # row mask of a level that fits whole
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
def _grid(spec: HashGridSpec, planes: tuple[tuple[int, ...], ...], width: int) -> _Grid:
    """The C description of a spec; it keeps its levels alive."""
    levels = (_Level * spec.levels)()
    for index, (scale, strides, resolution) in enumerate(zip(spec.scales, spec.strides, spec.resolutions, strict=True)):
        size = spec.offsets[index + 1] - spec.offsets[index]
        mask = WHOLE if (resolution + 1) ** spec.dim <= size else size - 1
        steps = (ctypes.c_uint32 * 3)(*strides)
        levels[index] = _Level(scale, spec.offsets[index], mask, int(not strides), steps)
    axes = (ctypes.c_int32 * 9)(*(axis for plane in planes for axis in plane))
    return _Grid(spec.bound, spec.dim, spec.levels, spec.channels, len(planes), width, spec.num_params, axes, levels)


def _pointer(values: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.data_ptr())


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, points: Tensor, tables: Tensor, spec: HashGridSpec, planes: tuple[tuple[int, ...], ...]
    ) -> Tensor:
        points, tables = points.contiguous(), tables.contiguous()
        grid = _grid(spec, planes, points.shape[1])
        out = torch.empty((len(points), len(planes) * spec.output))
        count = ctypes.c_int64(len(points))
        library = build.load("hashgrid")
        if library.tfg_hash_forward(ctypes.byref(grid), _pointer(points), count, _pointer(tables), _pointer(out)):
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
                grid, _pointer(points), count, _pointer(grad), _pointer(grad_tables), group
            )
        if ctx.needs_input_grad[0]:
            grad_points = torch.empty_like(points)
            library.tfg_hash_backward_points(
                grid, _pointer(points), count, _pointer(tables), _pointer(grad), _pointer(grad_points)
            )
        return grad_points, grad_tables, None, None


def encode(points: Tensor, tables: Tensor, spec: HashGridSpec, planes: tuple[tuple[int, ...], ...]) -> Tensor:
    """(n, planes * levels * channels) of points (n, width), tables (planes, num_params, channels)."""
    return _Encode.apply(points, tables, spec, planes)
