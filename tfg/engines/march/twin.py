"""The torch twin of marching and compositing: the readable definition, any device, any float type."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tfg.engines.march.base import Samples, Steps
from tfg.engines.march.occupancy import OccupancyGrid

RAYS_AT_ONCE = 1 << 14  # bounds the memory of the whole lattice


def march(
    origins: Tensor,
    directions: Tensor,
    offset: Tensor | None,
    grid: OccupancyGrid,
    box: tuple[float, ...],
    max_samples: int,
    steps: Steps,
) -> Samples:
    """Evaluates the whole lattice of every ray and keeps its occupied points."""
    occupied = torch.empty_like(grid.linear, dtype=torch.bool)
    occupied[grid.linear] = grid.is_occupied()
    parts = []
    for first in range(0, len(origins), RAYS_AT_ONCE):
        rays = slice(first, first + RAYS_AT_ONCE)
        shift = None if offset is None else offset[rays]
        keep, t, delta = _lattice(origins[rays], directions[rays], shift, grid, occupied, box, max_samples, steps)
        row, _ = index = keep.nonzero(as_tuple=True)
        parts.append((row + first, t[index], delta[index]))
    empty = (origins.new_zeros(0, dtype=torch.int64), origins.new_zeros(0), origins.new_zeros(0))
    ray, t, delta = (torch.cat(list(column)) for column in zip(*(parts or [empty]), strict=True))
    count = torch.bincount(ray, minlength=len(origins))
    start = torch.cat([count.new_zeros(1), count.cumsum(0)])
    along = directions[ray]
    return Samples(points=origins[ray] + t[:, None] * along, directions=along, t=t, delta=delta, ray=ray, start=start)


def entry_and_exit(origins: Tensor, directions: Tensor, box: tuple[float, ...], near: float) -> tuple[Tensor, Tensor]:
    """(r,) t at which each ray enters the box, at least `near`, and leaves it; the exit is below the entry on a miss."""
    corners = torch.tensor(box, dtype=origins.dtype, device=origins.device).reshape(2, 3)
    tiny = torch.where(directions < 0, -1e-12, 1e-12).to(directions.dtype)
    inverse = 1 / torch.where(directions.abs() < 1e-12, tiny, directions)
    first = (corners[0] - origins) * inverse
    last = (corners[1] - origins) * inverse
    enter = torch.minimum(first, last).amax(dim=1)
    leave = torch.maximum(first, last).amin(dim=1)
    return enter.clamp(min=near), leave


def _lattice(
    origins: Tensor,
    directions: Tensor,
    offset: Tensor | None,
    grid: OccupancyGrid,
    occupied: Tensor,
    box: tuple[float, ...],
    max_samples: int,
    steps: Steps,
) -> tuple[Tensor, Tensor, Tensor]:
    """(r, k) which lattice points are samples, their t and their steps."""
    enter, leave = entry_and_exit(origins, directions, box, steps.near)
    t, delta = _parameters(enter, leave, offset, steps)
    keep = t < leave[:, None]
    to_cell = grid.resolution / (2 * grid.bound)
    place = torch.zeros_like(t, dtype=torch.int64)
    for axis in range(3):
        position = origins[:, axis, None] + t * directions[:, axis, None]
        cell = ((position + grid.bound) * to_cell).clamp(0, grid.resolution - 1)
        place = place * grid.resolution + cell.to(torch.int64)
    keep &= occupied[place]
    keep &= keep.cumsum(dim=1) <= max_samples
    return keep, t, delta


def _parameters(enter: Tensor, leave: Tensor, offset: Tensor | None, steps: Steps) -> tuple[Tensor, Tensor]:
    """(r, k) lattice points that reach every exit, and the step from each to the next."""
    step = (steps.growth * enter).clamp(min=steps.shortest).clamp(max=steps.longest)
    start = enter if offset is None else enter + step * offset
    length = (leave - enter).clamp(min=0)
    count = math.ceil(float(length.max()) / min(steps.shortest, steps.longest)) + 1 if len(enter) > 0 else 1
    constant = steps.constant
    if constant is not None:
        t = start[:, None] + torch.arange(count, device=enter.device, dtype=enter.dtype) * constant
        return t, torch.full_like(t, constant)
    rows, deltas, t = [], [], start
    for _ in range(count):
        step = (steps.growth * t).clamp(min=steps.shortest).clamp(max=steps.longest)
        rows.append(t)
        deltas.append(step)
        t = t + step
    return torch.stack(rows, dim=1), torch.stack(deltas, dim=1)


def composite(sigma: Tensor, values: Tensor, samples: Samples, stop: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(values (r, c), opacity (r,), depth (r,), weights (m,)); optical depth is summed in double precision."""
    rays = len(samples.start) - 1
    optical = sigma * samples.delta
    before = optical.double().cumsum(0) - optical.double()
    before = (before - before[samples.start[samples.ray]]).to(sigma.dtype)  # optical depth in front of each sample
    weights = torch.exp(-before) * -torch.expm1(-optical) * (before <= -math.log(stop))
    total = values.new_zeros(rays, values.shape[1]).index_add(0, samples.ray, weights[:, None] * values)
    opacity = weights.new_zeros(rays).index_add(0, samples.ray, weights)
    depth = weights.new_zeros(rays).index_add(0, samples.ray, weights * samples.t)
    return total, opacity, depth, weights
