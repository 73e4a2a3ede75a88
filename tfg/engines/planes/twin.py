"""The torch twin of reading a tri-plane: the readable definition, any device, any float type."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tfg.engines.planes.base import AXES

BEYOND = 3.0  # farther out than any texel reaches, whatever the size: infinity becomes a number that reads zeros


def sample(planes: Tensor, points: Tensor) -> Tensor:
    """(n, channels) of planes (3, channels, size, size) and points (n, 3)."""
    places = torch.stack([points[:, axes] for axes in AXES])[:, None]  # (3, 1, n, 2)
    read = nn.functional.grid_sample(
        planes, places.clamp(-BEYOND, BEYOND), mode="bilinear", padding_mode="zeros", align_corners=False
    )  # (3, channels, 1, n)
    return read.mean(dim=0)[:, 0].T
