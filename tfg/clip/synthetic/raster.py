"""Which triangle covers every sample of the embedded clip's picture, and what lies there: a z-buffer in numpy, one frame at a time.

`kernel` does the same in C, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import Array, turned

Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The samples that a triangle covers, m of them."""

    sample: Indices  # (m,) row * width + column, ascending
    triangle: Indices  # (m,)
    weight: Array  # (3, m) perspective-correct shares of the triangle's corners, summing to 1


def rasterise(points: Floats32, depth: Floats32, corners: Indices, width: int) -> Hits:
    """Nearest front-facing triangle (clockwise in pixels, y down) at the middle of each sample of a width x width picture.

    points (2, vertices) x and y in samples, depth (vertices,) > 0, corners (3, t) vertices of the triangles. These are small here, so
    each is tried on all samples of its box. Of triangles equally near the last one counts.
    """
    x, y = ([axis[corner] for corner in corners] for axis in points)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    left, right = _span(x, width)
    top, bottom = _span(y, width)
    kept = np.flatnonzero((area > 1e-9) & (right >= left) & (bottom >= top))
    left, top = left[kept], top[kept]
    columns = right[kept] - left + 1
    count = columns * (bottom[kept] - top + 1)
    owner = np.repeat(np.arange(len(kept)), count)
    place = np.arange(len(owner), dtype=np.int32) - (np.cumsum(count, dtype=np.int32) - count)[owner]
    across = columns[owner]
    down = place // across
    column, row = left[owner] + (place - down * across), top[owner] + down
    cx = _from_middle(x, kept, owner, column)
    cy = _from_middle(y, kept, owner, row)
    share = [cx[1] * cy[2] - cx[2] * cy[1], cx[2] * cy[0] - cx[0] * cy[2], cx[0] * cy[1] - cx[1] * cy[0]]
    inside = np.flatnonzero((share[0] >= 0) & (share[1] >= 0) & (share[2] >= 0))
    tried = kept[owner[inside]]
    sample = row[inside].astype(np.int64) * width + column[inside]
    scale = 1 / area[tried]
    weight = [part[inside] * scale / depth[corner[tried]] for part, corner in zip(share, corners, strict=True)]
    nearness = weight[0] + weight[1] + weight[2]  # 1 / depth
    chosen = _largest(nearness, sample, width * width)
    far = 1 / nearness[chosen]
    return Hits(sample=sample[chosen], triangle=tried[chosen], weight=np.stack([part[chosen] * far for part in weight]))


def interpolate(values: Floats32, corners: Indices, triangle: Indices, weight: Array) -> Floats32:
    """(n, m) between the corners of triangles (m,), by their weights (3, m), of n values (n, vertices) at the vertices."""
    found = np.empty((len(values), len(triangle)), np.float32)
    first, second, third = corners[:, triangle]
    for row, value in zip(found, values.astype(np.float64), strict=True):
        row[:] = weight[0] * value[first] + weight[1] * value[second] + weight[2] * value[third]
    return found


def turn(points: Floats32, matrix: Floats32) -> Floats32:
    """(3, n) row vectors times (3, 3)."""
    return np.asarray(turned(points, matrix, axis=0))


def look_up(texture: Floats32, place: Floats32) -> Floats32:
    """(5, m) of a texture (height, width, 5), bilinear at places (2, m) across and down in [0, 1]."""
    height, width, channels = texture.shape
    x = np.clip(place[0], 0, 1) * np.float32(width - 1.001)
    y = np.clip(place[1], 0, 1) * np.float32(height - 1.001)
    left, top = np.floor(x), np.floor(y)
    right, down = x - left, y - top
    first = top.astype(np.int64) * width + left.astype(np.int64)
    found = np.empty((channels, len(first)), np.float32)
    for row, values in zip(found, texture.reshape(-1, channels).T, strict=True):
        a, b, c, d = (values[first + step] for step in (0, 1, width, width + 1))
        above = a + right * (b - a)
        below = c + right * (d - c)
        row[:] = above + down * (below - above)
    return found


def _from_middle(corner: list[Floats32], kept: Indices, owner: Indices, place: NDArray[np.int32]) -> list[Array]:
    """Along one axis, the three corners of the triangles kept[owner] seen from the middle of their samples."""
    middle = place + 0.5
    return [side[kept].astype(np.float64)[owner] - middle for side in corner]


def _largest(nearness: Array, sample: Indices, count: int) -> Indices:
    """Of each sample that occurs the index of its largest `nearness` (m,), the last of equal ones; by ascending sample."""
    number = np.arange(len(sample))
    last = np.full(count, -1, np.int64)
    last[sample] = number  # of several values for one index, the last stays
    contested = np.zeros(count, np.bool_)
    contested[sample[last[sample] != number]] = True
    rivals = np.flatnonzero(contested[sample])
    farthest_first = rivals[np.argsort(nearness[rivals], kind="stable")]
    last[sample[farthest_first]] = farthest_first
    return last[last >= 0]


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
    """(3, rows, columns) unit normals of a grid (3, rows, columns), outward for the orientation of `grid_triangles` and z away."""
    across = np.empty_like(position)
    across[..., 1:-1] = position[..., 2:] - position[..., :-2]
    across[..., 0] = position[..., 1] - position[..., 0]
    across[..., -1] = position[..., -1] - position[..., -2]
    down = np.empty_like(position)
    down[:, 1:-1] = position[:, 2:] - position[:, :-2]
    down[:, 0] = position[:, 1] - position[:, 0]
    down[:, -1] = position[:, -1] - position[:, -2]
    (ax, ay, az), (dx, dy, dz) = across, down
    return unit(np.stack([dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax]))


def unit(vector: Floats32) -> Floats32:
    """(3, ...) scaled to length 1."""
    x, y, z = vector
    return vector / np.maximum(np.sqrt(x * x + y * y + z * z), 1e-12)
