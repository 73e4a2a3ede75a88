"""The torch twin of the photometric loss: the readable definition, any device, any float type."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from tfg.engines.photometric.base import HALF, LUMINANCE, STRUCTURE, Pictures, Terms, taps


def photometric(pictures: Pictures, terms: Terms) -> Tensor:
    """() the definition."""
    x, y = pictures.rendered, pictures.truth
    if pictures.shown is not None:
        assert pictures.backdrop is not None
        shown = pictures.shown[..., None]
        y = torch.lerp(pictures.backdrop, y, shown)
        x = torch.lerp(pictures.backdrop, x, shown) if pictures.veiled else x
    difference = (x - y).abs()
    loss = terms.absolute * difference.mean() + terms.dissimilarity * (1 - ssim(x, y))
    if pictures.box is not None:
        loss = loss + terms.box * difference[pictures.box].sum() / difference.numel()
    if pictures.alpha is not None and pictures.silhouette is not None:
        loss = loss + terms.alpha * (pictures.alpha - pictures.silhouette).abs().mean()
    return loss


def ssim(rendered: Tensor, truth: Tensor) -> Tensor:
    """() mean structural similarity. The blur is two products with a banded matrix: faster than a convolution."""
    height, width = rendered.shape[:2]
    down, across = (blur_matrix(size, rendered.device, rendered.dtype) for size in (height, width))

    def blur(maps: Tensor) -> Tensor:  # (maps, height, width)
        return down @ maps @ across

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
def blur_matrix(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(size, size) symmetric banded matrix of the window, cut at the border."""
    offset = (torch.arange(size)[:, None] - torch.arange(size)[None, :]).abs()
    weights = torch.tensor([*taps(), 0.0], dtype=torch.float64)
    return weights[offset.clamp(max=HALF + 1)].to(device, dtype)
