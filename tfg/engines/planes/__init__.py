"""Features of points from three planes, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def sample_planes(planes: Tensor, points: Tensor, *, engine: str = "auto") -> Tensor:
    """(n, channels): the mean of the three planes (3, channels, side, side) at points (n, 3) in [-1, 1]^3, read bilinearly.

    Plane 0 is read at (x, y), plane 1 at (x, z), plane 2 at (z, y), column first; outside a plane is zero (EG3D, axes as corrected).
    """
    x, y, z = points.unbind(dim=1)
    places = torch.stack([torch.stack(pair, dim=1) for pair in ((x, y), (x, z), (z, y))])[:, None]
    return (
        F.grid_sample(planes, places, mode="bilinear", padding_mode="zeros", align_corners=False)[:, :, 0].mean(dim=0).T
    )
