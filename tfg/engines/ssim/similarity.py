"""`ssim`: mean structural similarity of two pictures, a training loss (Wang et al. 2004), by the chosen engine."""

import torch
from torch import Tensor

from tfg.engines.choose import resolve_engine
from tfg.engines.ssim import cpu, twin
from tfg.types import InputError


def ssim(rendered: Tensor, truth: Tensor, engine: str = "auto") -> Tensor:
    """() mean structural similarity of two pictures (height, width, channels) in [0, 1].

    Zero padded at the border, as in 3DGS. Differentiable in `rendered` only; `truth` is taken as a constant.
    """
    if rendered.ndim != 3 or rendered.shape != truth.shape or rendered.numel() == 0:
        shapes = f"{tuple(rendered.shape)} and {tuple(truth.shape)}"
        raise InputError(f"rendered and truth have shapes {shapes}, expected one shape (height, width, channels)")
    if rendered.dtype != truth.dtype or rendered.device != truth.device:
        given = f"{rendered.dtype} on {rendered.device} and {truth.dtype} on {truth.device}"
        raise InputError(f"rendered and truth must share dtype and device, but are {given}")
    if resolve_engine(engine, rendered.device, rendered.dtype) == "cpu":
        similarity = cpu.ssim(rendered, truth)
    else:  # on CUDA too: a dozen small kernels beside the rasteriser's
        similarity = twin.ssim(rendered, truth)
    if similarity.device.type == "cpu" and torch.isnan(similarity):
        name = "rendered" if torch.isnan(rendered).any() else "truth"
        raise InputError(f"{name} contains NaN")
    return similarity
