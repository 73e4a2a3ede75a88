"""InsTaG's motion aligner: where on everybody's face a person's Gaussian lies, and how far it moves against everybody's."""

from __future__ import annotations

import torch
from torch import Tensor

from tfg.backbones.gaussian.motion import Field
from tfg.backbones.gaussian.settings import MotionShape
from tfg.backbones.layers import MLP

_RANGE, _SOFT = 0.25, 5.0  # InsTaG's: scales lie in 1 +- _RANGE, which an output of _SOFT nears


class Aligner(Field):
    """A tri-plane of the person's own and a small network; untrained it leaves motion as it is, up to the grid's first 1e-4."""

    def __init__(self, shape: MotionShape, hidden: int, engine: str) -> None:
        super().__init__(shape, None, engine)
        self.network = MLP(3 * shape.levels, hidden, 6, engine=engine)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3) head space -> offset of the place that is looked up, (n, 3) head units, and factor of the motion, (n, 3)."""
        offset, scale = self.network(self.encode_position(points)).split(3, dim=1)
        return offset * self.shape.reach, 1 + _RANGE * torch.tanh(scale / _SOFT)
