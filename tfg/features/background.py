"""What stands behind the head: true torso and background outside it, and inside it a clean plate or a smooth filling.

No pixel of a true head mask ever reaches the result, so a backbone that renders on it learns and shows its own head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tfg.threads import threads
from tfg.types import Bools, Bytes, Floats

MARGIN = 0.03  # of the picture: how far the head mask is widened, over soft hair and its shadow
MISFIT = 20  # of 255: how far the surroundings may differ from the plate; from half of it on, the plate counts less
_PLATE_FRAMES = 45  # spread over the training run: a median needs no more
_FEWEST_SHOWN = 3  # frames that must show a pixel of the plate
_AT_ONCE = 8 * 256 * 256  # pixels that are filled together, which stay in cache


@dataclass(frozen=True, kw_only=True)
class Plate:
    """The scene without the head, as far as the training run ever showed it."""

    color: Floats  # (size, size, 3) in [0, 255], per-pixel median over the frames that show it
    known: Bools  # (size, size)


def clean_plate(images: Bytes, head_mask: Bools) -> Plate:
    """Per-pixel median of what is not head in training frames: (n, size, size, 3), (n, size, size)."""
    rows = np.unique(np.linspace(0, len(images) - 1, _PLATE_FRAMES).round().astype(int))
    hidden = widen(head_mask[rows])
    values = images[rows].astype(np.float32)
    values[hidden] = np.inf  # sorts behind all that is shown
    values.sort(axis=0)
    shown = (~hidden).sum(axis=0)
    low, high = np.maximum(shown - 1, 0) // 2, shown // 2
    known = shown >= _FEWEST_SHOWN
    middle = [
        np.take_along_axis(values, np.minimum(at, len(rows) - 1)[None, ..., None], axis=0)[0] for at in (low, high)
    ]
    color = np.where(known[..., None], np.where(known[..., None], middle, 0).mean(axis=0), 0)
    return Plate(color=color.astype(np.float32), known=known)


@threads(1)
def fill_background(images: Bytes, head_mask: Bools, plate: Plate) -> Bytes:
    """(n, size, size, 3) with the widened head replaced: by the plate where known and fitting, elsewhere smoothly from around.

    The plate fits where the visible surroundings look like it; a torso that has moved since is continued smoothly instead.
    By one thread: torch's averages round by where their number cuts a picture, and a byte of the background with them.
    """
    filled = np.empty_like(images)
    plate_color = torch.from_numpy(plate.color).permute(2, 0, 1)
    plate_known = torch.from_numpy(plate.known)
    together = max(1, min(8, _AT_ONCE // plate.known.size))
    for first in range(0, len(images), together):
        rows = slice(first, first + together)
        hidden = torch.from_numpy(widen(head_mask[rows]))[:, None]
        truth = torch.from_numpy(images[rows]).permute(0, 3, 1, 2).float()
        differs = (truth - plate_color).abs().amax(dim=1, keepdim=True)
        nearby = pull_push(differs, (~hidden & plate_known).float())
        trust = torch.where(plate_known, ((MISFIT - nearby) / (MISFIT / 2)).clamp(0, 1), 0)
        color = torch.where(hidden, plate_color, truth)
        smooth = pull_push(color, torch.where(hidden, trust, 1))
        filled[rows] = smooth.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return filled


def widen(mask: Bools) -> Bools:
    """The mask grown by MARGIN of the picture in every direction: (n, size, size)."""
    import cv2

    reach = max(1, round(MARGIN * mask.shape[1]))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    grown = [cv2.dilate(frame.view(np.uint8), disk) for frame in np.ascontiguousarray(mask)]
    return np.stack(grown).astype(bool)


def pull_push(color: Tensor, weight: Tensor) -> Tensor:
    """Fill holes (weight 0, (n, 1, height, width)) of pictures (n, channels, height, width) from a pyramid of averages.

    Pixels of weight 1 stay as they are.

    Gortler et al. 1996, "The Lumigraph", section 3.4: nearest surroundings first, ever coarser where they are missing.
    """
    height, width = color.shape[-2:]
    if min(height, width) == 1:
        return color
    odd = (0, width % 2, 0, height % 2)
    total = functional.avg_pool2d(functional.pad(weight, odd), 2) * 4
    coarse = functional.avg_pool2d(functional.pad(color * weight, odd), 2) * 4 / total.clamp(min=1e-6)
    coarse = pull_push(coarse, total.clamp(max=1))
    spread = functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]
    return color * weight + spread * (1 - weight)
