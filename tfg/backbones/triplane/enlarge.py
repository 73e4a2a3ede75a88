"""From a traced picture to a larger one: bilinear, and what a small convolutional net adds to it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

_SLOPE = 0.2


class Enlarger(nn.Module):
    """Features (b, features, side, side) of a traced picture -> what is added to its enlarged colours, at first nothing.

    Differs from the paper: EG3D's super-resolution (8XDC, modulated by the code, weights learned from FFHQ) is not at hand; this one
    has two plain convolutions a scale and learns from the person's own frames alone.
    """

    def __init__(self, features: int, width: int, doublings: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, width, 3, padding=1)
        self.scales = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(_SLOPE),
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(_SLOPE),
            )
            for _ in range(doublings)
        )
        self.last = nn.Conv2d(width, 3, 1, bias=False)
        nn.init.zeros_(self.last.weight)

    def forward(self, features: Tensor) -> Tensor:
        """(b, 3, side << doublings, side << doublings)."""
        values = F.leaky_relu(self.first(features), _SLOPE)
        for scale in self.scales:
            values = scale(enlarged(values, 2 * values.shape[-1]))
        return self.last(values)


def enlarged(values: Tensor, side: int) -> Tensor:
    """(b, c, side, side), bilinear."""
    return F.interpolate(values, (side, side), mode="bilinear", align_corners=False)
