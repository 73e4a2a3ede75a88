"""What a head field is made of, as the C path takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tfg.engines.hashgrid.base import HashGridSpec


@dataclass(frozen=True, kw_only=True)
class WarpTable:
    """Displacements of a face over its frontal plane, in head units, by tables whose rows lie along y."""

    back: Tensor  # (cells, cells, 2) that take a moved point back to rest
    forth: Tensor  # (cells, cells, 2) of the face at rest
    low: Tensor  # (2,) x and y of the first node
    high: Tensor  # (2,) of the last
    depth: float  # z from which on nothing moves
    edge: float  # width of the fade there, a sigmoid
    damping: float  # of the one step that mends `back` by `forth`
    scale: float  # length of a head unit in those of the points

    @torch.no_grad()
    def rest(self, points: Tensor) -> Tensor:
        """Where points (n, 3) of the moved face were in the face at rest, (n, 3): bilinear, with the exact fade in depth."""
        points = points / self.scale
        front = in_front(points, self.depth, self.edge)
        moved = front * self.sampled(self.back, points[:, :2])
        moved = torch.lerp(moved, front * self.sampled(self.forth, points[:, :2] - moved), self.damping)
        return torch.cat([points[:, :2] - moved, points[:, 2:]], dim=1) * self.scale

    def sampled(self, table: Tensor, places: Tensor) -> Tensor:
        """A table at places (n, 2), bilinear, (n, 2); beyond its border as on it."""
        unit = (places - self.low) / (self.high - self.low) * 2 - 1
        planes = table.permute(2, 0, 1)[None]
        return F.grid_sample(planes, unit[None, None], padding_mode="border", align_corners=True)[0, :, 0].T


def in_front(points: Tensor, depth: float, edge: float) -> Tensor:
    """(n, 3) -> (n, 1) 1 before `depth`, 0 behind it, with an edge so wide."""
    return torch.sigmoid((depth - points[:, 2:]) / edge)


@dataclass(frozen=True, kw_only=True)
class FieldNets:
    """Tri-plane tables and nets without bias (weights (out, in) each, ReLU between), and what holds for one picture."""

    grid: HashGridSpec
    tables: Tensor  # (3, num_params, channels)
    audio_attention: Sequence[Tensor]  # two layers: features -> audio width
    upper_attention: Sequence[Tensor]  # two layers: features -> expression width
    density: Sequence[Tensor]  # three layers: features, attended audio, attended expression -> 1 + geometry
    color: Sequence[Tensor]  # two layers: harmonics of the direction, geometry, individual code -> 3
    audio: Tensor  # (audio width,)
    upper: Tensor  # (expression width,)
    gates: Tensor  # (2,) heights: audio acts below the first, expression above the second
    gate_width: float  # field units; 0 = no gates
    warp: WarpTable | None  # that takes points to the face at rest before they are looked up
    harmonics: int  # of a direction, the first values that the colour net takes
