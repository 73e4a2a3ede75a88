"""Where in the field the head can be: the visual hull of the training head masks, so that no sample is spent on empty space.

Reads only the training portrait; no held-out frame, no network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tfg.backbones.rays import FIELD_SCALE
from tfg.landmarks import NOSE_ROOT, NOSE_TIP
from tfg.types import InputError, Portrait

MAX_FRAMES = 40  # frames spread over the portrait; more only repeat the same outline
AGREEMENT = 0.3  # share of the frames with a cell in the picture in which it must be head: keeps a jittering mask's rim


@dataclass(frozen=True, kw_only=True)
class Region:
    """The part of the field that the training frames allow to hold the head, in field space."""

    hull: Tensor  # (resolution, resolution, resolution) bool, cells of [-1, 1]^3 indexed [x, y, z]
    box: Tensor  # (2, 3) float32 low and high corner of the hull
    gates: Tensor  # (2,) float32: y of the nose bridge and y of the nose tip; y points down

    def covering(self, origins: Callable[[Tensor], Tensor]) -> Region:
        """Grown by every cell that moves: `origins` of points (n, 3) -> (k, n, 3), the places that a point may come from."""
        resolution = len(self.hull)
        axis = (torch.arange(resolution) + 0.5) * (2 / resolution) - 1
        centres = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).view(-1, 3)
        cells = ((origins(centres) + 1) * (resolution / 2)).floor().long().clamp(0, resolution - 1)
        hull = self.hull | self.hull[cells.unbind(-1)].any(dim=0).view_as(self.hull)
        return replace(self, hull=hull, box=_box_of(hull))


def find_region(portrait: Portrait, resolution: int, depth_margin: float) -> Region:
    """The hull of the head masks, cut in depth at the rigid face shape plus `depth_margin` head units before and 2.5x behind."""
    cell = 2 / resolution
    axis = (np.arange(resolution) + 0.5) * cell - 1
    shape = portrait.face_shape
    depth = axis[
        (axis > (shape[:, 2].min() - depth_margin) * FIELD_SCALE)
        & (axis < (shape[:, 2].max() + 2.5 * depth_margin) * FIELD_SCALE)
    ]
    if depth.size == 0:
        raise InputError(f"the face shape lies outside the field's box (z from {shape[:, 2].min():.2f} head units)")
    centers = np.stack(np.meshgrid(axis, axis, depth, indexing="ij"), axis=-1).reshape(-1, 3)
    votes = _head_share(portrait, centers / FIELD_SCALE).reshape(resolution, resolution, depth.size)
    hull = np.zeros((resolution,) * 3, dtype=bool)
    hull[:, :, np.isin(axis, depth)] = votes >= AGREEMENT
    hull = _dilate(hull) & np.isin(axis, depth)[None, None, :]
    if not hull.any():
        raise InputError("there is no head in the training frames: the head masks of the portrait are empty")
    gates = np.array([shape[NOSE_ROOT, 1], shape[NOSE_TIP, 1]]) * FIELD_SCALE
    return Region(
        hull=torch.from_numpy(hull),
        box=_box_of(torch.from_numpy(hull)),
        gates=torch.from_numpy(gates.astype(np.float32)),
    )


def _head_share(portrait: Portrait, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) share of the frames with a head-space point in the picture in which it is head; 0 where there is none."""
    size, cameras = portrait.cameras.size, portrait.cameras
    chosen = np.unique(np.linspace(0, len(portrait.frames) - 1, MAX_FRAMES).round().astype(np.int64))
    inside = np.zeros(len(points))
    head = np.zeros(len(points))
    for frame in chosen:
        camera_points = points @ cameras.rotation[frame].T.astype(np.float64) + cameras.translation[frame]
        in_front = camera_points[:, 2] > 1e-3
        scale = cameras.focal / np.where(in_front, camera_points[:, 2], 1.0)
        columns = np.floor(camera_points[:, 0] * scale + size / 2).astype(np.int64)
        rows = np.floor(camera_points[:, 1] * scale + size / 2).astype(np.int64)
        visible = in_front & (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
        inside += visible
        head[visible] += portrait.head_mask[frame][rows[visible], columns[visible]]
    return head / np.maximum(inside, 1)


def _box_of(hull: Tensor) -> Tensor:
    """(2, 3) low and high corner of the hull's cells."""
    cells, size = hull.nonzero(), 2 / len(hull)
    return torch.stack([cells.amin(dim=0) * size - 1, (cells.amax(dim=0) + 1) * size - 1])


def _dilate(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each cell joined with its six neighbours: a hull voted at cell centres would cut the rim."""
    grown = cells.copy()
    for axis in range(3):
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        grown[tuple(ahead)] |= cells[tuple(behind)]
        grown[tuple(behind)] |= cells[tuple(ahead)]
    return grown
