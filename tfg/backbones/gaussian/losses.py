"""Photometric loss of the Gaussian heads: L1 + weight * (1 - SSIM), as 3D Gaussian splatting has it (Kerbl et al. 2023)."""

from __future__ import annotations

from torch import Tensor

from tfg.engines.ssim import ssim


def photometric(rendered: Tensor, truth: Tensor, dissimilarity: float, engine: str = "auto") -> Tensor:
    """() mean |difference| + `dissimilarity` * (1 - SSIM) of two pictures (height, width, 3) in [0, 1]."""
    return (rendered - truth).abs().mean() + dissimilarity * (1 - ssim(rendered, truth, engine))
