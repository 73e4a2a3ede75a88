"""The geometry prior: a face branch whose depth and normals are drawn to those of the person's face mesh (InsTaG, section 3.3).

Differs from the paper: the mesh of `mesh.py` stands in for what Sapiens reads from each picture, whose weights cannot ship. It is
rigid, so that an open mouth has a closed one's jaw, and has neither hair nor beard; glasses are taken for skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.backbones.frame import Frame
from tfg.backbones.gaussian.mesh import NUM_TRIANGLES, NUM_VERTICES, draw, face_mesh
from tfg.backbones.gaussian.objective import GeometryRules
from tfg.engines.gaussian import Raster
from tfg.types import Floats

COVERED = 0.5  # alpha from which a pixel of the rendering has a depth of its own
GLOBAL_SHARE = 0.01  # of the picture's deviation, added to each row's; InsTaG's code


@dataclass(frozen=True)
class Target:
    """What a training frame shows of the mesh."""

    depth: Tensor  # (size, size) head units, 0 where nothing is
    normal: Tensor  # (size, size, 3) unit, towards the camera


class GeometryPrior(nn.Module):
    """The mesh, which is part of a head's state, and its rendering by each frame's camera, drawn when it is first needed."""

    vertices: Tensor  # (468, 3) head space
    triangles: Tensor  # (898, 3) int64

    def __init__(self, rules: GeometryRules, size: int, focal: float) -> None:
        super().__init__()
        self.rules, self.size, self.focal = rules, size, focal
        self.register_buffer("vertices", torch.zeros(NUM_VERTICES, 3))
        self.register_buffer("triangles", torch.zeros(NUM_TRIANGLES, 3, dtype=torch.int64))
        self._targets: dict[int, Target] = {}

    def place(self, shape: Floats) -> None:
        """Onto a face shape (68, 3) in head space."""
        vertices, triangles = face_mesh(shape)
        self.vertices.copy_(torch.from_numpy(vertices))
        self.triangles.copy_(torch.from_numpy(triangles))
        self._targets.clear()

    def loss(self, raster: Raster, frame: Frame, row: int, shown: Tensor) -> Tensor:
        """() of the face drawn in a training frame, the portrait's `row`, where `shown`, (size, size), and the mesh are."""
        target = self._target(frame, row)
        mask = (target.depth > 0) & (shown > 0.5) & (raster.alpha.detach() >= COVERED)
        depth = torch.where(mask, raster.depth / torch.where(mask, raster.alpha, 1.0), 0.0)
        loss = self.rules.depth * depth_difference(depth, target.depth, mask)
        return loss + self.rules.normal * normal_difference(depth, target.normal, mask, self.focal)

    def _target(self, frame: Frame, row: int) -> Target:
        if row not in self._targets:
            rotation, translation = frame.rotation.cpu().numpy(), frame.translation.cpu().numpy()
            vertices: Floats = (self.vertices.cpu().numpy() @ rotation.T + translation).astype(np.float32)
            surface = draw(vertices, self.triangles.cpu().numpy(), self.focal, self.size)
            made = (torch.from_numpy(values).to(self.vertices.device) for values in (surface.depth, surface.normal))
            self._targets[row] = Target(*made)
        return self._targets[row]


def depth_difference(depth: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """() mean |difference| of row-normalised depths (height, width) over the pixels of a mask, 0 without any."""
    difference = row_normalised(depth, mask) - row_normalised(target, mask)
    return (difference.abs() * mask).sum() / mask.sum().clamp_min(1)


def row_normalised(depth: Tensor, mask: Tensor) -> Tensor:
    """(height, width) less its row's mean, over its row's deviation plus a share of the whole mask's: shape without place or scale."""
    count = mask.sum(dim=1, keepdim=True).clamp_min(1)
    apart = (depth - (depth * mask).sum(dim=1, keepdim=True) / count) * mask
    deviation = _root(apart.square().sum(dim=1, keepdim=True) / count)
    num = mask.sum().clamp_min(1)
    whole = _root(((depth - (depth * mask).sum() / num) * mask).square().sum() / num)
    return apart / (deviation + GLOBAL_SHARE * whole).clamp_min(1e-6)


def normal_difference(depth: Tensor, target: Tensor, mask: Tensor, focal: float) -> Tensor:
    """() mean 1 - cosine of a depth's normals, (size, size), to others, (size, size, 3), where a pixel's neighbours have a depth."""
    whole = mask[1:-1, 1:-1] & mask[1:-1, 2:] & mask[1:-1, :-2] & mask[2:, 1:-1] & mask[:-2, 1:-1]
    cosine = (depth_normals(depth, focal) * target[1:-1, 1:-1]).sum(dim=2)
    return ((1 - cosine) * whole).sum() / whole.sum().clamp_min(1)


def depth_normals(depth: Tensor, focal: float) -> Tensor:
    """(size - 2, size - 2, 3) unit normals, towards the camera, of camera z at the pixels of (size, size), by central differences."""
    size = len(depth)
    axis = (torch.arange(size, device=depth.device) + 0.5 - size / 2) / focal
    points = torch.stack([axis[None, :] * depth, axis[:, None] * depth, depth], dim=2)
    across, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
    return F.normalize(torch.linalg.cross(down, across), dim=2, eps=1e-12)


def _root(variance: Tensor) -> Tensor:
    """Square root whose gradient is 0, not infinite, at 0."""
    return variance.clamp_min(1e-12).sqrt()
