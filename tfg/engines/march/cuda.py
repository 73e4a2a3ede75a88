"""The CUDA path of marching and compositing: Triton kernels, with an autograd function; float32."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from tfg.engines.march.base import Samples, Steps
from tfg.engines.march.occupancy import OccupancyGrid

BLOCK = 128  # rays of a program


def march(
    origins: Tensor,
    directions: Tensor,
    offset: Tensor | None,
    grid: OccupancyGrid,
    box: tuple[float, ...],
    max_samples: int,
    steps: Steps,
) -> Samples:
    """As `twin.march`: one walk counts the samples, a second one writes them."""
    from tfg.engines.march import triton

    origins, directions = origins.contiguous(), directions.contiguous()
    rays, device, constant = len(origins), origins.device, steps.constant
    longest = steps.longest if constant is None else constant
    to_cell = grid.resolution / (2 * grid.bound)
    floats = torch.tensor([*box, steps.near, steps.growth, steps.shortest, longest, grid.bound, to_cell], device=device)
    start = torch.zeros(rays + 1, dtype=torch.int64, device=device)
    shift = origins if offset is None else offset.contiguous()

    def walk(write: bool, points: Tensor, along: Tensor, t: Tensor, delta: Tensor, ray: Tensor) -> None:
        if rays > 0:
            triton.march[(-(-rays // BLOCK),)](
                origins,
                directions,
                shift,
                grid.occupied,
                floats,
                start if write else start[1:],
                points,
                along,
                t,
                delta,
                ray,
                rays,
                max_samples,
                RESOLUTION=grid.resolution,
                OFFSET=offset is not None,
                CONSTANT=constant is not None,
                WRITE=write,
                BLOCK=BLOCK,
                enable_fp_fusion=False,
            )

    walk(False, origins, origins, origins, origins, start)
    start = start.cumsum(0)
    count = int(start[-1])
    points, along = origins.new_empty((count, 3)), origins.new_empty((count, 3))
    t, delta = origins.new_empty(count), origins.new_empty(count)
    ray = start.new_empty(count)
    walk(True, points, along, t, delta, ray)
    return Samples(points=points, directions=along, t=t, delta=delta, ray=ray, start=start)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sigma: Tensor, values: Tensor, samples: Samples, stop: float) -> tuple[Tensor, ...]:
        from tfg.engines.march import triton

        sigma, values = sigma.contiguous(), values.contiguous()
        rays = len(samples.start) - 1
        total, weights = values.new_empty((rays, values.shape[1])), torch.empty_like(sigma)
        opacity, depth = sigma.new_empty(rays), sigma.new_empty(rays)
        if rays > 0:
            triton.composite[(-(-rays // BLOCK),)](
                sigma,
                values,
                samples.t,
                samples.delta,
                samples.start,
                total,
                opacity,
                depth,
                weights,
                rays,
                -math.log(stop),
                **_sizes(values),
            )
        ctx.save_for_backward(sigma, values, weights)
        ctx.samples, ctx.stop = samples, stop
        return total, opacity, depth, weights

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        from tfg.engines.march import triton

        sigma, values, weights = ctx.saved_tensors
        samples: Samples = ctx.samples
        grad_sigma, grad_values = torch.zeros_like(sigma), torch.zeros_like(values)
        rays = len(samples.start) - 1
        if rays > 0:
            triton.composite_backward[(-(-rays // BLOCK),)](
                sigma,
                values,
                samples.t,
                samples.delta,
                samples.start,
                weights,
                *(grad.contiguous() for grad in grads),
                grad_sigma,
                grad_values,
                rays,
                -math.log(ctx.stop),
                **_sizes(values),
            )
        return grad_sigma, grad_values, None, None


def _sizes(values: Tensor) -> dict[str, int]:
    channels = values.shape[1]
    return {"CHANNELS": channels, "PADDED": 1 << max(0, channels - 1).bit_length(), "BLOCK": BLOCK}


def composite(sigma: Tensor, values: Tensor, samples: Samples, stop: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `twin.composite`, up to rounding. NaN is not looked for."""
    return _Composite.apply(sigma, values, samples, stop)
