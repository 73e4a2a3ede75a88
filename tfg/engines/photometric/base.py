"""What the paths of the photometric loss share: its terms, its pictures, and the window of SSIM (Wang et al. 2004)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

HALF, SIGMA = 5, 1.5  # the window is 2 HALF + 1 pixels wide
LUMINANCE, STRUCTURE = 0.01**2, 0.03**2  # of values in [0, 1]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Weights of the loss's terms; each is a mean over all values of the picture, of which the box's difference is a part."""

    absolute: float  # |rendered - truth|
    dissimilarity: float = 0.0  # 1 - SSIM
    box: float = 0.0  # |rendered - truth| in the box, once more
    alpha: float = 0.0  # |alpha - silhouette|


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What is compared; gradients are of `rendered` and `alpha`."""

    rendered: Tensor  # (height, width, channels)
    truth: Tensor  # likewise
    shown: Tensor | None  # (height, width) in [0, 1]: how much of the truth is seen; the rest is `backdrop`
    backdrop: Tensor | None  # (channels,)
    veiled: bool  # whether `rendered` is seen as little as the truth
    box: tuple[slice, slice] | None  # rows, columns
    alpha: Tensor | None  # (height, width)
    silhouette: Tensor | None  # (height, width) what alpha shall be


@functools.cache
def taps() -> tuple[float, ...]:
    """(HALF + 1,) weights of the window from the middle outwards; both sides add up to 1."""
    weights = torch.exp(-(torch.arange(-HALF, HALF + 1).double() ** 2) / (2 * SIGMA**2))
    return tuple((weights / weights.sum())[HALF:].tolist())
