"""The torch twin of grid encoding: the readable definition, any device, any float type."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from tfg.engines.hashgrid.base import PRIMES, HashGridSpec


def encode(points: Tensor, table: Tensor, spec: HashGridSpec) -> Tensor:
    """(n, levels * channels) of points (n, dim) and table (num_params, channels)."""
    inside = (points.abs() <= spec.bound).all(dim=1, keepdim=True)
    unit = (torch.where(inside, points, 0.0) + spec.bound) / (2 * spec.bound)
    corners = torch.tensor(list(product((0, 1), repeat=spec.dim)), device=points.device)  # (2**dim, dim)
    levels = []
    for level, scale in enumerate(spec.scales):
        position = unit * scale + 0.5
        cell = position.detach().floor()
        fraction = (position - cell)[:, None, :]
        weight = torch.where(corners == 1, fraction, 1 - fraction).prod(dim=2)  # (n, 2**dim)
        rows = table_rows(cell.long()[:, None, :] + corners, level, spec)  # (n, 2**dim)
        levels.append((weight[:, :, None] * table[rows]).sum(dim=1))
    return torch.cat(levels, dim=1) * inside


def table_rows(cell: Tensor, level: int, spec: HashGridSpec) -> Tensor:
    """(...) rows of the table that hold the corners `cell` (..., dim), int64, of a level."""
    first, size = spec.offsets[level], spec.offsets[level + 1] - spec.offsets[level]
    strides = spec.strides[level]
    if strides:
        index = (cell * torch.tensor(strides, device=cell.device)).sum(dim=-1)
    else:
        index = torch.zeros_like(cell[..., 0])
        for axis in range(spec.dim):
            index = index ^ ((cell[..., axis] * PRIMES[axis]) & 0xFFFFFFFF)
    return first + index % size
