"""From an identity's code to three planes of features: a ladder of modulated convolutions (StyleGAN2's, as EG3D uses it).

No rendering here, and nothing that moves.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.backbones.triplane.settings import FIRST_RESOLUTION, PlaneShape

PLANES = 3
_SLOPE, _GAIN = 0.2, math.sqrt(2)  # of the leaky ReLU; the gain keeps the variance


class PlaneGenerator(nn.Module):
    """`settings.FULL` has the shape of EG3D's backbone (13 modulated convolutions to 256 pixels and 7 to the planes, 28,207,520
    parameters); `settings.SMALL` is such a ladder from a learned constant to 64 pixels with 997,696.

    Differs from EG3D: no mapping network, since codes are learned and not drawn; no noise inputs, since every picture has one truth;
    planes are enlarged before a convolution instead of by a transposed one.
    """

    def __init__(self, shape: PlaneShape) -> None:
        super().__init__()
        self.shape = shape
        self.start = nn.Parameter(torch.randn(shape.widths[0], FIRST_RESOLUTION, FIRST_RESOLUTION))
        outputs = PLANES * shape.channels
        self.first = ModulatedConv(shape.widths[0], shape.widths[0], shape.code)
        self.grown = nn.ModuleList(
            ModulatedConv(low, high, shape.code) for low, high in itertools.pairwise(shape.widths)
        )
        self.refined = nn.ModuleList(ModulatedConv(width, width, shape.code) for width in shape.widths[1:])
        self.shown = nn.ModuleList(
            ModulatedConv(width, outputs, shape.code, kernel=1, plain=True) for width in shape.widths
        )

    def forward(self, code: Tensor) -> Tensor:
        """(b, code) -> (b, 3, channels, resolution, resolution)."""
        x = self.first(self.start.expand(len(code), -1, -1, -1), code)
        planes = self.shown[0](x, code)
        for grown, refined, shown in zip(self.grown, self.refined, self.shown[1:], strict=True):
            x = refined(grown(_enlarged(x), code), code)
            planes = _enlarged(planes) + shown(x, code)
        return planes.unflatten(1, (PLANES, self.shape.channels))


class ModulatedConv(nn.Module):
    """A convolution whose weights an affine map of the code scales by input channel, made of unit norm again by output channel.

    Written as scaled inputs and scaled outputs of one convolution, so that a batch shares its weights. `plain`: no norm, no ReLU.
    """

    def __init__(self, inputs: int, outputs: int, code: int, *, kernel: int = 3, plain: bool = False) -> None:
        super().__init__()
        self.plain = plain
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = nn.Parameter(torch.randn(inputs, code))
        self.style_bias = nn.Parameter(torch.ones(inputs))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """(b, inputs, height, width), (b, code) -> (b, outputs, height, width)."""
        style = F.linear(code, self.style / math.sqrt(code.shape[1]), self.style_bias)
        weight = self.weight / math.sqrt(self.weight[0].numel())
        x = F.conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if self.plain:
            return x + self.bias[:, None, None]
        norm = torch.rsqrt(style.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8)
        return F.leaky_relu(x * norm[:, :, None, None] + self.bias[:, None, None], _SLOPE) * _GAIN


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
