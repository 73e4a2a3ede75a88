"""How the face moves when lips and chin move: their motion, spread smoothly over what lies around them. Nothing in it is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tfg.landmarks import EYE_CORNERS, LIP_CHANNELS, NOSE_BRIDGE, NOSTRILS, SPOKEN, TEMPLES

WIDTH = 0.25  # head units, of the Gaussian kernel
_SMOOTH = 1e-2  # added to the kernel's diagonal: landmarks are read with an error
_HELD = (*TEMPLES, *NOSE_BRIDGE, *NOSTRILS, *EYE_CORNERS)  # stay where they are
_BACK, _EDGE = 0.6, 0.08  # head units: depth from which nothing moves, and how softly that begins


class LipWarp(nn.Module):
    """Interpolation by radial basis functions in the frontal plane, from the landmarks that speech moves and others that it holds."""

    centres: Tensor  # (k, 2) head x, y of the moved landmarks, then of the held ones
    solution: Tensor  # (k, moved): kernel weights of a unit motion of each
    std: Tensor  # (LIP_CHANNELS,) head units, what normalised lip motion was divided by

    def __init__(self) -> None:
        super().__init__()
        count = len(SPOKEN) + len(_HELD)
        self.register_buffer("centres", torch.zeros(count, 2))
        self.register_buffer("solution", torch.zeros(count, len(SPOKEN)))
        self.register_buffer("std", torch.ones(LIP_CHANNELS))

    def place(self, shape: Tensor, motion: Tensor) -> None:
        """For a face shape (68, 3) and the training part's lip motion (n, LIP_CHANNELS), both in head units."""
        self.centres.copy_(shape[[*SPOKEN, *_HELD], :2])
        kernel = self._kernel(self.centres) + _SMOOTH * torch.eye(len(self.centres))
        self.solution.copy_(torch.linalg.inv(kernel)[:, : len(SPOKEN)])
        std = motion.std(dim=0, unbiased=False)
        self.std.copy_(torch.where(std > 1e-6, std, 1.0))

    def forward(self, points: Tensor, motion: Tensor) -> Tensor:
        """points (n, 3) in head space, normalised lip motion (LIP_CHANNELS,) -> (n, 3) head units, against the mean mouth."""
        moved = self.solution @ (motion * self.std).view(len(SPOKEN), 2)  # (k, 2)
        front = torch.sigmoid((_BACK - points[:, 2:]) / _EDGE)
        across = self._kernel(points[:, :2]) @ moved * front
        return torch.cat([across, torch.zeros_like(front)], dim=1)

    def _kernel(self, places: Tensor) -> Tensor:
        """(n, 2) -> (n, k)."""
        squared = (places[:, None] - self.centres).square().sum(dim=-1)
        return torch.exp(squared / (-2 * WIDTH**2))
