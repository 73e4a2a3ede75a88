"""The C path of marching and compositing: `engines/cpu/march.c`, with an autograd function; float32 on the CPU."""

from __future__ import annotations

import ctypes
import functools
import math
from typing import Any

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.engines.march.base import Samples, Steps
from tfg.engines.march.occupancy import OccupancyGrid
from tfg.types import InputError


class _March(ctypes.Structure):
    _fields_ = (
        ("resolution", ctypes.c_int64),
        ("max_samples", ctypes.c_int64),
        ("bound", ctypes.c_float),
        ("to_cell", ctypes.c_float),
        ("box", ctypes.c_float * 6),
        *((name, ctypes.c_float) for name in ("near", "growth", "shortest", "longest")),
        ("constant", ctypes.c_int32),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    library = build.load("march")
    library.tfg_march.restype = library.tfg_march_room.restype = ctypes.c_int64
    return library


def march(
    origins: Tensor,
    directions: Tensor,
    offset: Tensor | None,
    grid: OccupancyGrid,
    box: tuple[float, ...],
    max_samples: int,
    steps: Steps,
) -> Samples:
    """As `twin.march`, to the bit."""
    origins, directions = origins.contiguous(), directions.contiguous()
    offset = None if offset is None else offset.contiguous()
    longest = steps.longest if steps.constant is None else steps.constant
    corners = (ctypes.c_float * 6)(*box)
    task = _March(
        grid.resolution,
        max_samples,
        grid.bound,
        grid.resolution / (2 * grid.bound),
        corners,
        steps.near,
        steps.growth,
        steps.shortest,
        longest,
        int(steps.constant is not None),
    )
    library, rays = _library(), len(origins)
    lines = (ctypes.byref(task), build.pointer(origins), build.pointer(directions))
    size = ctypes.c_int64(rays)
    parameters = torch.empty(library.tfg_march_room(lines[0], size))  # only what is written is ever touched
    start = torch.empty(rays + 1, dtype=torch.int64)
    count = library.tfg_march(
        *lines,
        build.pointer(offset),
        size,
        build.pointer(grid.occupied),
        build.pointer(parameters),
        build.pointer(start),
    )
    if count < 0:
        raise InputError(f"{('origins', 'directions', 'offset')[-1 - count]} contain NaN")
    points, along = torch.empty((count, 3)), torch.empty((count, 3))
    t, delta, ray = torch.empty(count), torch.empty(count), torch.empty(count, dtype=torch.int64)
    results = (build.pointer(values) for values in (points, along, t, delta, ray))
    library.tfg_march_fill(*lines, size, build.pointer(parameters), build.pointer(start), *results)
    return Samples(points=points, directions=along, t=t, delta=delta, ray=ray, start=start)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sigma: Tensor, values: Tensor, samples: Samples, stop: float) -> tuple[Tensor, ...]:
        sigma, values = sigma.contiguous(), values.contiguous()
        rays, channels = len(samples.start) - 1, values.shape[1]
        total, weights = torch.empty((rays, channels)), torch.empty(len(sigma))
        opacity, depth, alive = torch.empty(rays), torch.empty(rays), torch.empty(rays, dtype=torch.int32)
        along = (
            build.pointer(samples.t),
            build.pointer(samples.delta),
            build.pointer(samples.start),
            ctypes.c_int64(rays),
        )
        results = (build.pointer(result) for result in (total, opacity, depth, weights, alive))
        bad = _library().tfg_composite(
            build.pointer(sigma),
            build.pointer(values),
            ctypes.c_int64(channels),
            *along,
            ctypes.c_double(-math.log(stop)),
            *results,
        )
        if bad:
            raise InputError(f"{('sigma', 'values')[bad - 1]} contain NaN")
        ctx.save_for_backward(values, weights, alive)
        ctx.samples = samples
        ctx.set_materialize_grads(False)
        return total, opacity, depth, weights

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, Tensor | None, None, None]:
        values, weights, alive = ctx.saved_tensors
        samples: Samples = ctx.samples
        upstream = [None if grad is None else grad.contiguous() for grad in grads]
        grad_sigma = torch.empty_like(weights) if ctx.needs_input_grad[0] else None
        grad_values = torch.empty_like(values) if ctx.needs_input_grad[1] else None
        _library().tfg_composite_backward(
            build.pointer(values),
            ctypes.c_int64(values.shape[1]),
            build.pointer(samples.t),
            build.pointer(samples.delta),
            build.pointer(samples.start),
            ctypes.c_int64(len(alive)),
            build.pointer(weights),
            build.pointer(alive),
            *(build.pointer(grad) for grad in (*upstream, grad_sigma, grad_values)),
        )
        return grad_sigma, grad_values, None, None


def composite(sigma: Tensor, values: Tensor, samples: Samples, stop: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `twin.composite`, up to rounding."""
    return _Composite.apply(sigma, values, samples, stop)
