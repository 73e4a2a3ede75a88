"""The terms of SyncTalk's training loss: photometric, structure on patches, opacity entropy, region attention.

Every function returns an unweighted scalar; the weights and their ramps are `settings.LossWeights`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SSIM_SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2  # of SSIM at a data range of 1


EXCUSE_FROM, EXCUSE_TO = (
    0.2,
    10.0,
)  # least weight of a ray whose error is expected, and the most a ray's weight grows by


def mean_difference(prediction: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute difference of colours (n, 3), each ray by its weight (n,); SyncTalk's L1 (ER-NeRF has squares)."""
    difference = (prediction - truth).abs()
    return difference.mean() if weights is None else (weights[:, None] * difference).mean()


def uncertainty(expected: Tensor, difference: Tensor, face: Tensor) -> Tensor:
    """What makes `expected` (n,) >= 0 the size of the colours' `difference` (n, 3), and 0 where a ray is not of the `face` (n,) bool.

    Kendall and Gal's attenuation with b = expected + 1, |difference| / 2 b^2 + ln(b)^2 / 2, as ER-NeRF's code has it.
    """
    scale = expected + 1
    attenuated = difference.detach().norm(dim=-1) / (2 * scale.square()) + scale.log().square() / 2
    return torch.where(face, attenuated, expected).mean()


def excuse(expected: Tensor, ramp: float) -> Tensor:
    """(n,) weights of rays whose error is `expected` (n,): 1 at ramp 0, then more where more is expected (ER-NeRF's code)."""
    share = torch.softmax(expected.detach(), dim=0) * len(expected)
    return EXCUSE_FROM + (1 - EXCUSE_FROM) * ((1 - ramp) + ramp * share).clamp(0, EXCUSE_TO)


def opacity_entropy(opacity: Tensor) -> Tensor:
    """Mean binary entropy in bits of the ray opacities (n,): each ray should end in the head or pass it."""
    share = opacity.clamp(1e-5, 1 - 1e-5)
    return -(share * share.log2() + (1 - share) * (1 - share).log2()).mean()


def ray_attention(norms: Tensor, rays: Tensor, chosen: Tensor) -> Tensor:
    """Sum of the attention norms (samples,) along each chosen ray, mean over all rays; not weighted by transmittance.

    rays (samples,) is the ray of each sample, chosen (num_rays,) bool marks where the attention should be silent.
    """
    return (norms * chosen[rays]).sum() / len(chosen)


def seen_by_rays(values: Tensor | None, weights: Tensor, rays: Tensor, count: int) -> Tensor | None:
    """(count,) sums of `values` (samples,) along each ray by the weights that colours have there; None of None."""
    return None if values is None else weights.new_zeros(count).index_add(0, rays, weights * values)


def structure(prediction: Tensor, truth: Tensor) -> Tensor:
    """D-SSIM = 1 - SSIM of two patches (height, width, 3) in [0, 1], at least 11 pixels a side, windows inside only."""
    offsets = torch.arange(11, device=prediction.device) - 5.0
    kernel = torch.exp(-offsets.square() / (2 * SSIM_SIGMA**2))
    kernel = kernel / kernel.sum()

    def blur(images: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(images, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))

    x, y = (image.permute(2, 0, 1)[:, None] for image in (prediction, truth))
    mean_x, mean_y, xx, yy, xy = blur(torch.cat([x, y, x * x, y * y, x * y])).chunk(5)
    top = (2 * mean_x * mean_y + C1) * (2 * (xy - mean_x * mean_y) + C2)
    bottom = (mean_x.square() + mean_y.square() + C1) * (xx - mean_x.square() + yy - mean_y.square() + C2)
    return 1 - (top / bottom).mean()
