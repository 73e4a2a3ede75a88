"""The CUDA path of grid encoding: Triton kernels behind an autograd function; float32.

tiny-cuda-nn is no substitute: its dense levels have resolution corners where torch-ngp has resolution + 1 (its grid.h at
03a659d), and no grid of tfg is without them: docs/engines.md. `benchmarks.gpu` compares speeds where it is installed.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from tfg.engines.hashgrid.base import HashGridSpec, Planes

BLOCK = 128  # points of a program


@functools.lru_cache(maxsize=64)
def _describe(spec: HashGridSpec, planes: Planes, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """levels (levels, 6) int64, scales (levels,) double, axes (planes, dim) int64, bound (1,) double."""
    rows = []
    for first, mask, strides in zip(spec.offsets[:-1], spec.masks, spec.strides, strict=True):
        padded = (*(strides or (0,) * spec.dim), 0)[:3]
        rows.append((first, mask, int(not strides), *padded))
    return (
        torch.tensor(rows, device=device),
        torch.tensor(spec.scales, dtype=torch.float64, device=device),
        torch.tensor(planes, device=device),
        torch.tensor([spec.bound], dtype=torch.float64, device=device),
    )


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, tables: Tensor, spec: HashGridSpec, planes: Planes) -> Tensor:
        from tfg.engines.hashgrid import triton

        points, tables = points.contiguous(), tables.contiguous()
        out = points.new_empty((len(points), len(planes) * spec.output))
        if len(points) > 0:
            triton.forward[_programs(points, planes)](
                points,
                tables,
                out,
                *_describe(spec, planes, points.device),
                len(points),
                spec.num_params,
                **_sizes(points, spec, planes),
            )
        ctx.save_for_backward(points, tables)
        ctx.spec, ctx.planes = spec, planes
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        from tfg.engines.hashgrid import triton

        points, tables = ctx.saved_tensors
        spec, planes = ctx.spec, ctx.planes
        to_points, to_tables = ctx.needs_input_grad[:2]
        grad_tables = torch.zeros_like(tables) if to_tables else tables.new_empty(0)
        grad_planes = points.new_empty((len(planes), len(points) if to_points else 0, spec.dim))
        if len(points) > 0:
            triton.backward[_programs(points, planes)](
                points,
                tables,
                grad.contiguous(),
                grad_tables,
                grad_planes,
                *_describe(spec, planes, points.device),
                len(points),
                spec.num_params,
                **_sizes(points, spec, planes),
                TO_TABLES=to_tables,
                TO_POINTS=to_points,
            )
        grad_points = None
        if to_points:
            grad_points = torch.zeros_like(points)
            for axes, part in zip(planes, grad_planes, strict=True):
                for column, axis in enumerate(axes):
                    grad_points[:, axis] += part[:, column]
        return grad_points, grad_tables if to_tables else None, None, None


def _programs(points: Tensor, planes: Planes) -> tuple[int, int]:
    return -(-len(points) // BLOCK), len(planes)


def _sizes(points: Tensor, spec: HashGridSpec, planes: Planes) -> dict[str, int]:
    return {
        "LEVELS": spec.levels,
        "CHANNELS": spec.channels,
        "DIM": spec.dim,
        "WIDTH": points.shape[1],
        "PLANES": len(planes),
        "BLOCK": BLOCK,
    }


def encode(points: Tensor, tables: Tensor, spec: HashGridSpec, planes: Planes) -> Tensor:
    """(n, planes * levels * channels) of points (n, width), tables (planes, num_params, channels). NaN points give zeros."""
    return _Encode.apply(points, tables, spec, planes)
