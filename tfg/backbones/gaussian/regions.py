"""Where a cause may act: the inside of the mouth in the picture, the upper and lower face in head space."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def polygon_mask(corners: Tensor, size: int) -> Tensor:
    """(size, size) 1 where a pixel's centre is inside the polygon `corners` (n, 2) in pixels, else 0 (even-odd rule)."""
    mask = torch.zeros(size, size, device=corners.device)
    rows, columns, inside = _polygon(corners, size)
    mask[rows, columns] = inside
    return mask


def without_polygon(mask: Tensor, corners: Tensor) -> Tensor:
    """A mask (size, size) times one minus the `polygon_mask` of the corners."""
    rows, columns, inside = _polygon(corners, len(mask))
    left = mask.clone()
    left[rows, columns] *= 1 - inside
    return left


def _polygon(corners: Tensor, size: int) -> tuple[slice, slice, Tensor]:
    """Rows and columns of the box around a polygon, and its mask there."""
    rows, columns = box_slices(corners, size)
    axis = torch.arange(size, device=corners.device) + 0.5
    x, y = axis[None, columns, None], axis[rows, None, None]
    (x0, y0), (x1, y1) = corners.unbind(1), corners.roll(-1, 0).unbind(1)
    spans = (y0 > y) != (y1 > y)  # (rows, 1, n) the edge crosses the row
    crossing = x0 + (y - y0) / torch.where(y1 == y0, 1.0, y1 - y0) * (x1 - x0)
    return rows, columns, ((spans & (x < crossing)).sum(dim=2) % 2).float()


def box_mask(points: Tensor, size: int) -> Tensor:
    """(size, size) 1 in the box around `points` (n, 2) in pixels, else 0."""
    axis = torch.arange(size, device=points.device)[:, None] + 0.5
    inside = (axis >= points.amin(dim=0)) & (axis <= points.amax(dim=0))  # (size, 2) columns, rows
    return (inside[:, None, 1] & inside[None, :, 0]).float()


def box_slices(points: Tensor, size: int) -> tuple[slice, slice]:
    """Rows and columns of the pixels that the box around `points` (n, 2) touches."""
    across, down = ((min(axis), max(axis)) for axis in points.T.tolist())
    columns, rows = (
        slice(min(max(math.floor(low), 0), size - 1), min(max(math.ceil(high), 1), size))
        for low, high in (across, down)
    )
    return rows, columns


def vertical_ramp(points: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """(n, 1) 0 where head y (down) is at `start`, 1 at `stop`, smooth between and constant beyond; `start` may be below."""
    part = ((points[:, 1:2] - start) / (stop - start)).clamp(0, 1)
    return part * part * (3 - 2 * part)
