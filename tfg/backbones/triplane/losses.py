"""What a Talk3D head's pictures are compared by: METHODS 3.5 of Talk3D as far as its terms are at hand, and what the head alone needs.

L1, LPIPS and the square of the mouth region are the paper's; opacity, D-SSIM, closeness and locality are not.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from tfg.backbones.base import Perceptual
from tfg.backbones.frame import Frame
from tfg.backbones.triplane.decoder import Decoder
from tfg.backbones.triplane.generator import PlaneGenerator
from tfg.backbones.triplane.personalise import Pivot
from tfg.backbones.triplane.stages import Weights
from tfg.backbones.triplane.tracing import Tracer
from tfg.backbones.triplane.volume import Traced
from tfg.engines.photometric import Terms, photometric

_LEAST = 1e-6  # opacity


def over(traced: Traced, behind: Tensor, height: int, width: int) -> Tensor:
    """(height, width, 3) of rays in the order of rows over what is `behind`: (height, width, 3), or a colour (3,)."""
    clear = (1 - traced.opacity).view(height, width, 1)
    return traced.color[:, :3].view(height, width, 3) + clear * behind


def picture_losses(
    made: Tensor,
    true: Tensor,
    weights: Weights,
    perceptual: Perceptual | None,
    *,
    engine: str,
) -> dict[str, Tensor]:
    """L1 with D-SSIM, and LPIPS, of pictures (height, width, 3) in [0, 1]."""
    terms = Terms(absolute=weights.picture, dissimilarity=weights.dissimilarity)
    parts = {"picture": photometric(made, true, terms, engine=engine)}
    if perceptual is not None:
        parts["perceptual"] = weights.perceptual * distance(perceptual, made, true)
    return parts


def cross_entropy(opacity: Tensor, head: Tensor) -> Tensor:
    """() of opacities (n,) against the head's mask (n,), in nats.

    Its gradient does not vanish where there is nothing yet, as that of a difference does: a head that faded would never come back.
    """
    return F.binary_cross_entropy(opacity.clamp(_LEAST, 1 - _LEAST), head)


def lip_losses(made: Tensor, true: Tensor, weights: Weights, perceptual: Perceptual | None) -> dict[str, Tensor]:
    """Mean square and LPIPS of the square around the lips, (side, side, 3) in [0, 1]."""
    parts = {"lips": weights.lips * (made - true).square().mean()}
    if perceptual is not None:
        parts["perceptual_lips"] = weights.perceptual_lips * distance(perceptual, made, true)
    return parts


def distance(perceptual: Perceptual, made: Tensor, true: Tensor) -> Tensor:
    """() of two pictures (height, width, 3) in [0, 1]."""
    first, second = (picture.permute(2, 0, 1)[None] * 2 - 1 for picture in (made, true))
    return perceptual(first, second).mean()


def strayed(
    pivot: Pivot,
    generator: PlaneGenerator,
    decoder: Decoder,
    code: Tensor,
    tracer: Tracer,
    frame: Frame,
    pixels: Tensor,
) -> Tensor:
    """() mean absolute difference of colour and of opacity, on some pixels' rays, of a code's (code,) head before tuning and now."""
    before = tracer.trace(pivot.generator(code[None])[0], pivot.decoder, frame, pixels, jittered=False)
    now = tracer.trace(generator(code[None])[0], decoder, frame, pixels, jittered=False)
    return (now.color - before.color).abs().mean() + (now.opacity - before.opacity).abs().mean()
