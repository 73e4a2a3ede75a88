"""Which triangle covers every sample of the embedded clip's picture: a z-buffer in numpy, one frame at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The samples that a triangle covers, m of them."""

    sample: Indices  # (m,) row * width + column
    triangle: Indices  # (m,)
    weight: Floats32  # (m, 3) perspective-correct shares of the triangle's corners, summing to 1


def rasterise(points: Floats32, depth: Floats32, triangles: Indices, width: int) -> Hits:
    """Nearest front-facing triangle (clockwise in pixels, y down) at the middle of each sample of a width x width picture.

    points (vertices, 2) in samples, depth (vertices,) > 0. Triangles are small here, so each is tried on all samples of its box.
    """
    first, second, third = triangles.T
    all_x, all_y = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    x = [all_x[first], all_x[second], all_x[third]]
    y = [all_y[first], all_y[second], all_y[third]]
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    left, right = _span(x, width)
    top, bottom = _span(y, width)
    kept = np.flatnonzero((area > 1e-9) & (right >= left) & (bottom >= top))
    columns = (right - left + 1)[kept]
    count = columns * (bottom - top + 1)[kept]
    owner = np.repeat(np.arange(len(kept), dtype=np.int32), count)
    start = np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    down, across = np.divmod(np.arange(len(owner), dtype=np.int32) - start, columns[owner])
    tried = kept[owner]
    column, row = left[tried] + across, top[tried] + down
    middle_x, middle_y = column + np.float32(0.5), row + np.float32(0.5)
    cx = [side[tried] - middle_x for side in x]
    cy = [side[tried] - middle_y for side in y]
    share = [cx[1] * cy[2] - cx[2] * cy[1], cx[2] * cy[0] - cx[0] * cy[2], cx[0] * cy[1] - cx[1] * cy[0]]
    inside = np.flatnonzero((share[0] >= 0) & (share[1] >= 0) & (share[2] >= 0))
    tried, sample = tried[inside], row[inside].astype(np.int64) * width + column[inside]
    scale = 1 / area[tried]
    weight = [part[inside] * scale / depth[corner[tried]] for part, corner in zip(share, triangles.T, strict=True)]
    nearness = weight[0] + weight[1] + weight[2]  # 1 / depth
    farthest_first = np.argsort(nearness, kind="stable")
    nearest = np.full(width * width, -1, np.int64)
    nearest[sample[farthest_first]] = farthest_first  # of several values for one index, the last stays
    chosen = nearest[nearest >= 0]
    far = 1 / nearness[chosen]
    return Hits(
        sample=sample[chosen],
        triangle=tried[chosen],
        weight=np.stack([part[chosen] * far for part in weight], axis=1),
    )


def _span(corner: list[Floats32], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """First and last sample whose middle lies between the corners along one axis, inside the picture."""
    low = np.minimum(np.minimum(corner[0], corner[1]), corner[2])
    high = np.maximum(np.maximum(corner[0], corner[1]), corner[2])
    first = np.ceil(np.clip(low, 0, width) - np.float32(0.5)).astype(np.int32)
    last = np.floor(np.clip(high, 0, width) - np.float32(0.5)).astype(np.int32)
    return first, last


def grid_triangles(rows: int, columns: int) -> Indices:
    """(2 * (rows - 1) * (columns - 1), 3) triangles of a grid whose rows go down and columns to the right when seen from outside."""
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)


def grid_normals(position: Floats32) -> Floats32:
    """(..., rows, columns, 3) unit normals of grids, outward for the orientation of `grid_triangles` and z away from the viewer."""
    across = np.empty_like(position)
    across[..., 1:-1, :] = position[..., 2:, :] - position[..., :-2, :]
    across[..., 0, :] = position[..., 1, :] - position[..., 0, :]
    across[..., -1, :] = position[..., -1, :] - position[..., -2, :]
    down = np.empty_like(position)
    down[..., 1:-1, :, :] = position[..., 2:, :, :] - position[..., :-2, :, :]
    down[..., 0, :, :] = position[..., 1, :, :] - position[..., 0, :, :]
    down[..., -1, :, :] = position[..., -1, :, :] - position[..., -2, :, :]
    (ax, ay, az), (dx, dy, dz) = np.moveaxis(across, -1, 0), np.moveaxis(down, -1, 0)
    return unit(np.stack([dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax], axis=-1))


def unit(vector: Floats32) -> Floats32:
    """(..., 3) scaled to length 1."""
    x, y, z = np.moveaxis(vector, -1, 0)
    return vector / np.maximum(np.sqrt(x * x + y * y + z * z), 1e-12)[..., None]
