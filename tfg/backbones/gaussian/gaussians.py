"""A set of 3D Gaussians with TalkingGaussian's activations: softplus scales, sigmoid opacity, free quaternions, SH colour."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SH_CONSTANT = 0.28209479177387814  # Y_00
NAMES = ("means", "quats", "scales", "opacities", "base", "harmonics")


class Gaussians(nn.Module):
    """n Gaussians in head space as raw parameters; n changes in training and is whatever the checkpoint holds.

    Differs from the paper: the 1-d identity of TalkingGaussian, which nothing reads, is left out.
    """

    means: Tensor  # (n, 3) head units
    quats: Tensor  # (n, 4) wxyz of any norm
    scales: Tensor  # (n, 3) before softplus, head units after it
    opacities: Tensor  # (n,) before the sigmoid
    base: Tensor  # (n, 1, 3) SH coefficient of degree 0
    harmonics: Tensor  # (n, (degree + 1)^2 - 1, 3) SH coefficients of the higher degrees

    def __init__(self, sh_degree: int, num: int = 0) -> None:
        super().__init__()
        self.sh_degree = sh_degree
        self.resize(num)

    def __len__(self) -> int:
        return self.means.shape[0]

    def resize(self, num: int) -> None:
        """Replace every parameter by zeros of `num` Gaussians: room for a checkpoint's."""
        rest = (self.sh_degree + 1) ** 2 - 1
        widths = {"means": (3,), "quats": (4,), "scales": (3,), "opacities": (), "base": (1, 3), "harmonics": (rest, 3)}
        for name, width in widths.items():
            setattr(self, name, nn.Parameter(torch.zeros(num, *width)))

    @torch.no_grad()
    def fill(self, points: Tensor, colors: Tensor, scales: Tensor, opacity: float) -> None:
        """Round Gaussians at `points` (n, 3) with `colors` (n, 3) in [0, 1] and `scales` (n,) in head units."""
        self.resize(points.shape[0])
        self.means.copy_(points)
        self.quats[:, 0] = 1.0
        self.scales.copy_(inverse_softplus(scales)[:, None].expand(-1, 3))
        self.opacities.fill_(float(torch.logit(torch.tensor(opacity))))
        self.base.copy_(((colors - 0.5) / SH_CONSTANT)[:, None, :])

    @property
    def sizes(self) -> Tensor:
        """(n, 3) standard deviations in head units, without motion."""
        return nn.functional.softplus(self.scales)

    @property
    def alphas(self) -> Tensor:
        """(n,) opacities in (0, 1)."""
        return torch.sigmoid(self.opacities)

    def coefficients(self, degree: int) -> Tensor:
        """(n, (degree + 1)^2, 3) SH coefficients of the degrees in use."""
        if degree == 0:
            return self.base
        return torch.cat([self.base, self.harmonics[:, : (degree + 1) ** 2 - 1]], dim=1)


def inverse_softplus(values: Tensor) -> Tensor:
    """Raw numbers whose softplus is `values` > 0."""
    return values + torch.log(-torch.expm1(-values))


def neighbour_distance(points: Tensor, neighbours: int = 3) -> Tensor:
    """(n,) root mean square distance of every point of (n, 3) to its nearest neighbours, the first size of a Gaussian."""
    nearest = []
    for chunk in points.split(1024):
        distances = torch.cdist(chunk, points, compute_mode="donot_use_mm_for_euclid_dist")
        nearest.append(distances.topk(min(neighbours + 1, len(points)), largest=False).values[:, 1:])
    return torch.cat(nearest).square().mean(dim=1).sqrt()
