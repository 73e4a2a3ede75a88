"""From the features of a point to its density and colour."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.backbones.triplane.settings import DecoderShape

_BEYOND = 0.001  # colours reach so far beyond [0, 1], so that black and white need no infinite numbers (Mip-NeRF, EG3D)
_EMPTY = 1.0  # taken off before the softplus: a net of zeros is almost clear
DENSITY_SCALE = 10.0


class Decoder(nn.Module):
    """One hidden layer with softplus, as EG3D's (32 -> 64 -> 1 + 32).

    Differs from EG3D: densities are multiplied by 10, so that a surface that is a twentieth of the box thick needs no large weights.
    """

    def __init__(self, channels: int, shape: DecoderShape) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, shape.hidden)
        self.out = nn.Linear(shape.hidden, 1 + shape.colours)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(n, channels) -> densities (n,) a field unit, from 0 up; colours (n, colours) in [0, 1]."""
        values = self.out(F.softplus(self.hidden(features)))
        colour = torch.sigmoid(values[:, 1:]) * (1 + 2 * _BEYOND) - _BEYOND
        return F.softplus(values[:, 0] - _EMPTY) * DENSITY_SCALE, colour
