"""Mean structural similarity of two pictures, a training loss (Wang et al. 2004): the torch twin, and where the others start."""

import functools

import torch
from torch import Tensor

from tfg.engines.choose import resolve_engine
from tfg.types import InputError

HALF, SIGMA = 5, 1.5  # the window is 2 HALF + 1 pixels wide
LUMINANCE, STRUCTURE = 0.01**2, 0.03**2  # of values in [0, 1]


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
        from tfg.engines import ssim_cpu

        found = ssim_cpu.ssim(rendered, truth)
    else:  # on CUDA too: a dozen small kernels beside the rasteriser's
        found = twin(rendered, truth)
    if found.device.type == "cpu" and torch.isnan(found):
        name = "rendered" if torch.isnan(rendered).any() else "truth"
        raise InputError(f"{name} contains NaN")
    return found


def twin(rendered: Tensor, truth: Tensor) -> Tensor:
    """The definition. The blur is two products with a banded matrix, one call for all maps: faster than a convolution."""
    height, width = rendered.shape[:2]
    down, across = (blur_matrix(size, rendered.device, rendered.dtype) for size in (height, width))

    def blur(pictures: Tensor) -> Tensor:  # (maps, height, width)
        return down @ pictures @ across

    y = truth.detach().permute(2, 0, 1)
    mean_y, mean_yy = blur(torch.cat([y, y * y])).chunk(2)
    variance_y = mean_yy - mean_y**2
    x = rendered.permute(2, 0, 1)
    mean_x, mean_xx, mean_xy = blur(torch.cat([x, x * x, x * y])).chunk(3)
    variance_x, covariance = mean_xx - mean_x**2, mean_xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x**2 + mean_y**2 + LUMINANCE)
    structure = (2 * covariance + STRUCTURE) / (variance_x + variance_y + STRUCTURE)
    return (luminance * structure).mean()


@functools.cache
def taps() -> tuple[float, ...]:
    """(HALF + 1,) weights of the window from the middle outwards; both sides add up to 1."""
    weights = torch.exp(-(torch.arange(-HALF, HALF + 1).double() ** 2) / (2 * SIGMA**2))
    return tuple((weights / weights.sum())[HALF:].tolist())


@functools.cache
def blur_matrix(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(size, size) symmetric banded matrix of the window, cut at the border."""
    offset = (torch.arange(size)[:, None] - torch.arange(size)[None, :]).abs()
    weights = torch.tensor([*taps(), 0.0], dtype=torch.float64)
    return weights[offset.clamp(max=HALF + 1)].to(device, dtype)
