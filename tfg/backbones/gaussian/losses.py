"""Losses of the Gaussian heads: pictures as 3D Gaussian splatting compares them, and what face and mouth are trained by alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tfg.backbones.base import Perceptual
from tfg.backbones.frame import FrameTruth
from tfg.backbones.gaussian.motion import GaussianMotion
from tfg.backbones.gaussian.objective import Weights
from tfg.backbones.gaussian.regions import box_mask, box_slices, without_polygon
from tfg.engines.gaussian import Raster
from tfg.engines.photometric import Terms, photometric
from tfg.landmarks import INNER_LIPS, OUTER_LIPS


def picture_loss(rendered: Tensor, truth: FrameTruth, weights: Weights, engine: str) -> Tensor:
    """() L1 + D-SSIM of the picture (Kerbl et al. 2023), and L1 once more in the lip box.

    Differs from the paper: the lip box stands in for the branches' LPIPS on it; of LPIPS there is the fuse stage's alone.
    """
    return photometric(rendered, truth.image, _terms(weights), box=_lip_box(truth), engine=engine)


def patch_distance(perceptual: Perceptual, rendered: Tensor, truth: Tensor, side: int) -> Tensor:
    """() mean distance of the patches, `side` pixels wide, that tile two pictures (height, width, 3) in [0, 1] from the top left."""
    patches = [
        F.unfold(picture.permute(2, 0, 1)[None] * 2 - 1, side, stride=side).view(3, side, side, -1).permute(3, 0, 1, 2)
        for picture in (rendered, truth)
    ]
    return perceptual(patches[0], patches[1]).mean()


def shown_face(truth: FrameTruth) -> Tensor:
    """(size, size) the head without the inside of the mouth: what the face branch is trained on."""
    return without_polygon(truth.head_mask, truth.landmarks[INNER_LIPS])


def face_loss(raster: Raster, backdrop: Tensor, truth: FrameTruth, weights: Weights, engine: str) -> Tensor:
    """() of the face drawn over a colour, (3,)."""
    shown = shown_face(truth)
    return photometric(
        raster.color,
        truth.image,
        _terms(weights),
        shown=shown,
        backdrop=backdrop,
        box=_lip_box(truth),
        alpha=raster.alpha,
        silhouette=shown,
        engine=engine,
    )


def mouth_loss(
    raster: Raster, backdrop: Tensor, inside: Tensor, truth: FrameTruth, weights: Weights, engine: str
) -> Tensor:
    """() of the mouth drawn over a colour, (3,), compared where its `inside`, (size, size), is seen."""
    return photometric(
        raster.color,
        truth.image,
        _terms(weights),
        shown=inside,
        backdrop=backdrop,
        veiled=True,
        alpha=raster.alpha,
        silhouette=box_mask(truth.landmarks[OUTER_LIPS], len(inside)),
        engine=engine,
    )


def _terms(weights: Weights) -> Terms:
    return Terms(absolute=1.0, dissimilarity=weights.dissimilarity, box=weights.lips, alpha=weights.alpha)


def _lip_box(truth: FrameTruth) -> tuple[slice, slice]:
    return box_slices(truth.landmarks[OUTER_LIPS], len(truth.image))


def motion_size(motion: GaussianMotion) -> Tensor:
    """() mean size of the motion's parts, summed: nothing shall move without a reason."""
    parts = (motion.means, motion.quats, motion.scales, motion.offset)
    return torch.stack([part.abs().mean() for part in parts if part is not None]).sum()
