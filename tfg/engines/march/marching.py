"""`march`, `composite`: sampling rays in an occupancy grid and compositing along them (torch-ngp's `raymarching`).

A ray is sampled on a lattice of parameters t that starts near the box and grows by a step rule; the lattice does not
depend on the grid, and a ray's samples are its first `max_samples` lattice points in occupied cells.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tfg.engines.choose import resolve_triton
from tfg.engines.march import cpu, cuda, twin
from tfg.engines.march.base import Samples, Steps
from tfg.engines.march.occupancy import OccupancyGrid
from tfg.types import InputError


def march(
    origins: Tensor,
    directions: Tensor,
    grid: OccupancyGrid,
    *,
    aabb: Sequence[float] | Tensor,
    max_samples: int,
    near: float,
    longest: float,
    growth: float = 1 / 256,
    shortest: float | None = None,
    offset: Tensor | None = None,
    engine: str = "auto",
) -> Samples:
    """Samples of the rays `origins` (r, 3) + t * `directions` (r, 3) inside `aabb` = (x0, y0, z0, x1, y1, z1) and `grid`.

    No t is below `near`; step(t) = min(max(growth * t, shortest), longest), shortest by default 2 sqrt(3) bound / max_samples.
    RAD-NeRF and its heirs have longest = 2 sqrt(3) bound / 128, which then always wins. Lengths are in t, which
    is in units of the field where directions are unit vectors.
    `offset` (r,) in [0, 1) shifts each ray's lattice by that part of a step. No gradients: the result is detached.
    """
    if origins.ndim != 2 or origins.shape[1] != 3 or directions.shape != origins.shape:
        raise InputError(
            f"origins and directions have shapes {tuple(origins.shape)} and {tuple(directions.shape)}, expected (r, 3) both"
        )
    if offset is not None and offset.shape != origins.shape[:1]:
        raise InputError(f"offset has shape {tuple(offset.shape)}, expected {tuple(origins.shape[:1])}")
    if max_samples < 1:
        raise InputError(f"max_samples is {max_samples}, it must be at least 1")
    least = 2 * math.sqrt(3) * grid.bound / max_samples if shortest is None else shortest
    steps = Steps(near=near, growth=growth, shortest=least, longest=longest)
    if not min(steps.shortest, steps.longest) > 0:
        raise InputError(f"shortest and longest must be positive, not {steps.shortest} and {steps.longest}")
    box = tuple(float(value) for value in aabb)
    if len(box) != 6 or any(box[axis] >= box[axis + 3] for axis in range(3)):
        raise InputError(f"aabb is {box}, expected (x0, y0, z0, x1, y1, z1) with x0 < x1, y0 < y1, z0 < z1")
    rays = (origins.detach(), directions.detach(), None if offset is None else offset.detach())
    chosen = resolve_triton(engine, origins.device, origins.dtype)
    if chosen == "cuda":
        return cuda.march(*rays, grid, box, max_samples, steps)
    if chosen == "cpu":
        return cpu.march(*rays, grid, box, max_samples, steps)
    for name, values in zip(("origins", "directions", "offset"), rays, strict=True):
        if values is not None and torch.isnan(values).any():
            raise InputError(f"{name} contain NaN")
    return twin.march(*rays, grid, box, max_samples, steps)


def composite(
    sigma: Tensor,
    values: Tensor,
    samples: Samples,
    engine: str = "auto",
    *,
    with_weights: bool = False,
    stop: float = 1e-4,
) -> tuple[Tensor, ...]:
    """(values (r, c), opacity (r,), depth (r,)) of `sigma` (m,) >= 0 and `values` (m, c) along each ray; weights (m,) too
    if `with_weights`.

    w_i = T_i (1 - exp(-sigma_i delta_i)), T_i = exp(-sum_{j<i} sigma_j delta_j); a sample behind T_i < `stop` weighs 0.
    depth = sum w_i t_i, not divided by opacity. Differentiable in sigma and values.
    """
    count = len(samples.t)
    if sigma.shape != (count,) or values.ndim != 2 or len(values) != count:
        shapes = f"{tuple(sigma.shape)} and {tuple(values.shape)}"
        raise InputError(f"sigma and values have shapes {shapes}, expected ({count},) and ({count}, c)")
    chosen = resolve_triton(engine, sigma.device, sigma.dtype)
    if chosen == "cuda":
        result = cuda.composite(sigma, values, samples, stop)
    elif chosen == "cpu":
        result = cpu.composite(sigma, values, samples, stop)
    else:
        for name, given in (("sigma", sigma), ("values", values)):
            if torch.isnan(given).any():
                raise InputError(f"{name} contain NaN")
        result = twin.composite(sigma, values, samples, stop)
    return result if with_weights else result[:3]
