"""Photometric loss of the Gaussian heads: L1 + weight * (1 - SSIM) (METHODS 3.2)."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5  # Wang et al. 2004


def photometric(rendered: Tensor, truth: Tensor, dissimilarity: float) -> Tensor:
    """() mean |difference| + `dissimilarity` * (1 - SSIM) of two pictures (height, width, 3) in [0, 1]."""
    return (rendered - truth).abs().mean() + dissimilarity * (1 - ssim(rendered, truth))


def ssim(rendered: Tensor, truth: Tensor) -> Tensor:
    """() mean structural similarity, zero padded at the border as in 3DGS; gradients to `rendered` only.

    The blur is two products with a banded matrix, one call for all maps: at 128 pixels that beats a convolution on a CPU.
    """
    height, width = rendered.shape[:2]
    down, across = blur_matrix(height, rendered.device), blur_matrix(width, rendered.device)

    def blur(pictures: Tensor) -> Tensor:  # (maps, height, width)
        return down @ pictures @ across

    with torch.no_grad():
        y = truth.permute(2, 0, 1)
        mean_y, mean_yy = blur(torch.cat([y, y * y])).chunk(2)
        variance_y = mean_yy - mean_y**2
    x = rendered.permute(2, 0, 1)
    mean_x, mean_xx, mean_xy = blur(torch.cat([x, x * x, x * y])).chunk(3)
    variance_x, covariance = mean_xx - mean_x**2, mean_xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2)
    return (luminance * structure).mean()


@functools.cache
def blur_matrix(size: int, device: torch.device) -> Tensor:
    """(size, size) symmetric banded matrix of the 11-tap Gaussian; the window is cut at the border."""
    offset = torch.arange(size)[:, None] - torch.arange(size)[None, :]
    taps = torch.exp(-((torch.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2)).sum()
    weights = torch.exp(-(offset.float() ** 2) / (2 * SIGMA**2)) / taps
    return torch.where(offset.abs() <= WINDOW // 2, weights, 0.0).to(device)
