"""`sample_planes`: features of points in space from a dense tri-plane (EG3D), by the chosen engine.

The definition is `twin.py`; `cpu.py` and `cuda.py` compute the same function.
"""

import torch
from torch import Tensor

from tfg.engines.choose import resolve_triton
from tfg.engines.planes import cpu, cuda, twin
from tfg.types import InputError


def sample_planes(planes: Tensor, points: Tensor, *, engine: str) -> Tensor:
    """(n, channels) features of `points` (n, 3) in [-1, 1]^3: the mean of what they read in `planes` (3, channels, size, size).

    Plane 0 is read at (x, y), plane 1 at (x, z), plane 2 at (z, y), the first coordinate selecting the column; bilinearly,
    with texel centres at (2 i + 1) / size - 1 and zeros outside the plane, as torch's `grid_sample(padding_mode="zeros",
    align_corners=False)`. Points outside are allowed: what their planes do not reach adds nothing. Differentiable in planes
    and points (the slope is piecewise constant along each axis; on a texel's centre that of the upper side holds).
    """
    if planes.ndim != 4 or planes.shape[0] != 3 or planes.shape[2] != planes.shape[3] or planes.numel() == 0:
        raise InputError(f"planes have shape {tuple(planes.shape)}, expected (3, channels, size, size)")
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"points have shape {tuple(points.shape)}, expected (n, 3)")
    if points.dtype != planes.dtype or points.device != planes.device:
        given = f"{planes.dtype} on {planes.device} and {points.dtype} on {points.device}"
        raise InputError(f"planes and points must share dtype and device, but are {given}")
    chosen = resolve_triton(engine, points.device, points.dtype)
    if chosen == "cuda":
        return cuda.sample(planes, points)
    if chosen == "cpu":
        return cpu.sample(planes, points)
    if torch.isnan(points).any():
        raise InputError("points contain NaN")
    return twin.sample(planes, points)
