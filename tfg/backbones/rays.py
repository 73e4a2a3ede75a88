"""Rays of a head camera and the choice of the pixels that a training step draws. No field and no marching here.

Field space is head space times `FIELD_SCALE`: a head with hair, which fits [-2, 2]^3 head units, fits the field's box [-1, 1]^3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tfg.landmarks import NOSE_TIP, OUTER_LIPS

FIELD_SCALE = 0.5  # field units per head unit
_TILE = 16  # pixels
Box = tuple[int, int, int, int]  # top, bottom, left, right in pixels, half open


def camera_rays(
    rotation: Tensor, translation: Tensor, focal: float, size: int, pixels: Tensor
) -> tuple[Tensor, Tensor]:
    """Origins (n, 3) and unit directions (n, 3) in field space of the rays through `pixels` (n,), row * size + column.

    rotation (3, 3) and translation (3,) take head space to an OpenCV camera; the ray of a pixel passes through its centre.
    """
    rows, columns = pixels // size, pixels % size
    x = (columns + 0.5 - size / 2) / focal
    y = (rows + 0.5 - size / 2) / focal
    toward = torch.stack([x, y, torch.ones_like(x)], dim=-1) @ rotation  # R^T applied to rows
    directions = torch.nn.functional.normalize(toward, dim=-1)
    origin = -(translation @ rotation) * FIELD_SCALE
    return origin.expand_as(directions).contiguous(), directions


def by_tiles(size: int) -> Tensor:
    """(size * size,) the pixels of a picture in square tiles, so that those after one another lie beside each other."""
    side = math.gcd(size, _TILE)
    return torch.arange(size**2).view(size // side, side, size // side, side).transpose(1, 2).flatten()


def hits_box(origins: Tensor, directions: Tensor, box: Tensor) -> Tensor:
    """(n,) bool: the ray meets the axis-aligned box (2, 3) in front of its origin."""
    safe = torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    low, high = (box[0] - origins) / safe, (box[1] - origins) / safe
    near = torch.minimum(low, high).amax(-1)
    far = torch.maximum(low, high).amin(-1)
    return far > near.clamp_min(0)


def landmark_box(landmarks: Tensor, size: int, margin: float = 0.0) -> Box:
    """The pixels that (n, 2) landmarks span, grown by `margin` of the longer side."""
    low, high = landmarks.amin(0), landmarks.amax(0)
    grow = margin * float((high - low).max())
    left, top = (int(torch.floor(value - grow).clamp(0, size - 1)) for value in low)
    right, bottom = (int(torch.ceil(value + grow).clamp(1, size)) for value in high)
    return top, max(bottom, top + 1), left, max(right, left + 1)


def lower_face_box(landmarks: Tensor, size: int) -> Box:
    """The face's box cut at the nose tip: where audio may act and expressions should not, as in SyncTalk."""
    top, bottom, left, right = landmark_box(landmarks, size)
    nose = int(landmarks[NOSE_TIP, 1].clamp(top, bottom - 1))
    return nose, bottom, left, right


def square_lip_box(landmarks: Tensor, size: int, side: int) -> Box:
    """The square box of `side` pixels or more around the lips, moved inside the picture (SyncTalk's lips stage)."""
    low, high = landmarks[OUTER_LIPS].amin(0), landmarks[OUTER_LIPS].amax(0)
    side = min(max(side, int(torch.ceil((high - low).max()))), size)
    center = (low + high) / 2
    left, top = (int((value - side / 2).round().clamp(0, size - side)) for value in center)
    return top, top + side, left, left + side


def box_pixels(box: Box, size: int, device: torch.device) -> Tensor:
    """(rows * columns,) flat indices of a box's pixels, row by row."""
    top, bottom, left, right = box
    rows = torch.arange(top, bottom, device=device)[:, None] * size
    return (rows + torch.arange(left, right, device=device)).flatten()


def inside_box(pixels: Tensor, box: Box, size: int) -> Tensor:
    """(n,) bool: the flat pixel index lies in the box."""
    top, bottom, left, right = box
    rows, columns = pixels // size, pixels % size
    return (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)


def draw_pixels(weights: Tensor, num_rays: int) -> Tensor:
    """(num_rays,) flat pixel indices drawn with replacement in proportion to `weights` (pixels,)."""
    cumulative = weights.double().flatten().cumsum(0)
    draws = torch.rand(num_rays, device=weights.device, dtype=torch.float64) * cumulative[-1]
    return torch.searchsorted(cumulative, draws, right=True).clamp_max(cumulative.numel() - 1)
