"""Which frames a person's planes are found from, where codes of other people lie, and what keeps tuning near the person.

Inversion follows VIVE3D (several frames, one code), tuning pivotal tuning (Roich et al. 2021), as Talk3D does.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tfg.backbones.triplane.decoder import Decoder
from tfg.backbones.triplane.generator import PlaneGenerator
from tfg.landmarks import mouth_opening
from tfg.rotations import nearest_angles
from tfg.types import Portrait


def spread_rows(portrait: Portrait, count: int) -> NDArray[np.int64]:
    """Rows of `count` frames or fewer, ascending: of the half with the more closed mouths those whose poses are farthest apart.

    The first is the one in the middle of the poses, each further one the farthest from those that are there.
    """
    opening = mouth_opening(portrait.landmarks, "eyes")
    closed = np.flatnonzero(opening <= np.median(opening))
    rotations = portrait.cameras.rotation[closed]
    flat = rotations.reshape(-1, 9)
    chosen = [int((flat @ flat.mean(axis=0)).argmax())]
    while len(chosen) < min(count, len(closed)):
        chosen.append(int(nearest_angles(rotations, rotations[chosen]).argmax()))
    return np.unique(closed[chosen]).astype(np.int64)


class CodePrior(nn.Module):
    """Where people's codes lie: a normal distribution; of a generator that knows nobody the standard one."""

    mean: Tensor  # (code,)
    root: Tensor  # (code, code) lower triangle of the covariance's Cholesky decomposition

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("root", torch.eye(width))

    def place(self, mean: Tensor, covariance: Tensor) -> None:
        """(code,) and (code, code), positive definite."""
        self.mean.copy_(mean)
        self.root.copy_(torch.linalg.cholesky(covariance.double()))

    def distance(self, code: Tensor) -> Tensor:
        """() mean square of a code's (code,) coordinates in deviations from the mean."""
        return torch.linalg.solve_triangular(self.root, (code - self.mean)[:, None], upper=False).square().mean()

    def draw(self) -> Tensor:
        """(code,) of a person that there may be."""
        return self.mean + self.root @ torch.randn_like(self.mean)


class Pivot(nn.Module):
    """Generator and decoder as they were before tuning."""

    def __init__(self, generator: PlaneGenerator, decoder: Decoder) -> None:
        super().__init__()
        self.generator, self.decoder = deepcopy(generator), deepcopy(decoder)
        self.requires_grad_(False)
