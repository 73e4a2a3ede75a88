"""Generator and decoder learned together with a code for every person (an auto-decoder, Park et al. 2019).

Differs from EG3D: no discriminator, since every picture has its truth; heads alone, over a random colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from tfg.backbones.rays import camera_rays
from tfg.backbones.triplane.prior import modules_of
from tfg.backbones.triplane.settings import TriplaneShape
from tfg.backbones.triplane.volume import Traced, trace
from tfg.engines.photometric import Terms, photometric
from tfg.types import Bytes, Floats

_CODE_SPREAD = 0.3  # standard deviation of untrained codes
# Weights of D-SSIM, of opacity against the head mask and of the codes' mean square; L1 has 1
_STRUCTURE, _ALPHA, _CODE = 0.2, 0.1, 1e-3
_SURE = 1e-5  # added to opacities before their logarithm


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Pixels of one picture on a square lattice."""

    rotation: Tensor  # (3, 3) camera from head
    translation: Tensor  # (3,)
    focal: float  # pixels of the picture
    size: int  # pixels of the picture's side
    pixels: Tensor  # (side, side) row * size + column
    color: Tensor  # (side, side, 3) in [0, 1]
    head: Tensor  # (side, side) 1 where the head is, else 0

    def traced(self, planes: Tensor, model: AutoDecoder, jitter: Tensor | None, engine: str) -> Traced:
        """What the planes (3, channels, resolution, resolution) show there; `jitter` as `volume.trace`."""
        origins, directions = camera_rays(self.rotation, self.translation, self.focal, self.size, self.pixels.flatten())
        return trace(planes, model.decoder, origins, directions, model.shape.sampling, jitter, engine=engine)


class Pictures(Protocol):
    """Of one person, v of them."""

    @property
    def pictures(self) -> Bytes: ...  # (v, size, size, 4) RGB and head mask
    @property
    def rotation(self) -> Floats: ...  # (v, 3, 3) camera from head
    @property
    def translation(self) -> Floats: ...  # (v, 3)
    @property
    def focal(self) -> float: ...  # pixels


class AutoDecoder(nn.Module):
    """A face at rest is its person's code; what the face does adds a linear map of its state, the same for all people."""

    def __init__(self, shape: TriplaneShape, people: int, states: int) -> None:
        super().__init__()
        self.shape = shape
        self.codes = nn.Parameter(_CODE_SPREAD * torch.randn(people, shape.planes.code))
        self.expression = nn.Linear(states, shape.planes.code, bias=False)
        nn.init.zeros_(self.expression.weight)
        self.generator, self.decoder = modules_of(shape)

    def code_of(self, people: Tensor, states: Tensor) -> Tensor:
        """(b,) rows and (b, states) -> (b, code)."""
        return self.codes[people] + self.expression(states)

    def loss(self, code: Tensor, patches: list[Patch], engine: str = "auto") -> Tensor:
        """() of a patch for each code (b, code): L1 and structure over a random colour, opacity against the mask; draws from torch."""
        total = _CODE * code.square().mean()
        for planes, patch in zip(self.generator(code), patches, strict=True):
            jitter = torch.rand(patch.pixels.numel(), self.shape.sampling.count, device=code.device)
            found = patch.traced(planes, self, jitter, engine)
            total = total + compared(found, patch, torch.rand(3, device=code.device), engine) / len(patches)
        return total


def compared(found: Traced, patch: Patch, backdrop: Tensor, engine: str = "auto") -> Tensor:
    """() loss of a traced patch, both laid over the colour `backdrop` (3,).

    Opacity is compared by cross entropy: with an absolute difference the background, which is most of a picture, may empty a young
    volume to where a softplus has no slope left.
    """
    opacity = found.opacity.view(patch.head.shape)
    color = found.color[:, :3].view(patch.color.shape) + (1 - opacity)[..., None] * backdrop
    terms = Terms(absolute=1.0, dissimilarity=_STRUCTURE)
    pictures = photometric(color, patch.color, terms, shown=patch.head, backdrop=backdrop, engine=engine)
    outside = torch.log((1 - opacity).clamp_min(0) + _SURE)
    return pictures - _ALPHA * torch.lerp(outside, torch.log(opacity + _SURE), patch.head).mean()


def lattice(size: int, side: int, generator: torch.Generator) -> Tensor:
    """(side, side) pixels of a picture: every s-th row and column from a random corner; s is drawn from 1 to what fits."""
    widest = max(1, size // side)
    step = int(torch.randint(1, widest + 1, (), generator=generator))
    top, left = (int(torch.randint(0, size - step * (side - 1), (), generator=generator)) for _ in range(2))
    rows, columns = (torch.arange(side) * step + first for first in (top, left))
    return rows[:, None] * size + columns


def patch_of(views: Pictures, view: int, pixels: Tensor, device: torch.device) -> Patch:
    """Some pixels (side, side) of one picture."""
    picture = torch.from_numpy(views.pictures[view]).view(-1, 4)[pixels].to(device, torch.float32) / 255
    return Patch(
        rotation=torch.from_numpy(views.rotation[view]).to(device),
        translation=torch.from_numpy(views.translation[view]).to(device),
        focal=views.focal,
        size=views.pictures.shape[1],
        pixels=pixels.to(device),
        color=picture[..., :3].contiguous(),
        head=picture[..., 3].contiguous(),
    )


@torch.no_grad()
def shown(model: AutoDecoder, planes: Tensor, patch: Patch, backdrop: float, engine: str = "auto") -> Tensor:
    """(side, side, 3) in [0, 1]: the planes' picture at a patch's pixels over grey."""
    found = patch.traced(planes, model, None, engine)
    color = found.color[:, :3] + (1 - found.opacity)[:, None] * backdrop
    return color.view(patch.color.shape).clamp(0, 1)


def psnr(made: Tensor, true: Tensor, shown_in: Tensor) -> float:
    """dB of pictures (..., 3) in [0, 1] where `shown_in` (...) is not 0."""
    error = float(((made - true).square().mean(dim=-1) * shown_in).sum() / shown_in.sum())
    return -10 * math.log10(error)
