"""The delta-plane U-Net of Talk3D: identity planes and tokens -> what is added to these planes for one frame.

Three planes go through it side by side, each with weights of its own. What ties them together is the roll-out of a convolution's
input: beside itself a plane gets the two others, each averaged along the axis that it lacks and repeated along the other.
Planes are read as `tfg.engines.planes` has them: (column, row) is (x, y), (x, z), (z, y).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.backbones.triplane.attention import TokenAttention
from tfg.backbones.triplane.delta_settings import AttentionShape

_SLOPE = 0.2  # of the leaky ReLUs
_REACH = 0.1  # of the planes' own size, root mean square, that one unit of the last convolution adds


def shared_axes(planes: Tensor) -> tuple[Tensor, Tensor]:
    """Of planes (b, 3, c, r, r), what the others show along each one's columns and along its rows: (b, 3, c, r) both."""
    across, down = planes.mean(dim=-2).unbind(dim=1), planes.mean(dim=-1).unbind(dim=1)  # by column, by row
    columns = torch.stack([across[1], across[0], down[1]], dim=1)  # x, x, z
    rows = torch.stack([down[2], across[2], down[0]], dim=1)  # y, z, y
    return columns, rows


def roll_out(planes: Tensor) -> Tensor:
    """(b, 3, c, r, r) -> (b, 3, 3 c, r, r): itself, what shares its columns' axis, what shares its rows' axis."""
    columns, rows = shared_axes(planes)
    return torch.cat([planes, columns[..., None, :].expand_as(planes), rows[..., None].expand_as(planes)], dim=2)


class RollOutConvolution(nn.Module):
    """3 x 3 convolution of `roll_out`, with weights for each plane; edges repeat.

    The rolled out channels are constant along one axis, so that their part is a convolution over the other axis alone.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.weight = nn.Parameter(torch.empty(3 * outputs, 3 * inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(3 * outputs))
        nn.init.normal_(self.weight, std=math.sqrt(2 / (1 + _SLOPE**2) / (27 * inputs)))

    def forward(self, planes: Tensor) -> Tensor:
        """(b, 3, inputs, r, r) -> (b, 3, outputs, r, r)."""
        own, of_columns, of_rows = self.weight.split(self.inputs, dim=1)
        columns, rows = (F.pad(lines.flatten(1, 2), (1, 1), mode="replicate") for lines in shared_axes(planes))
        made = F.conv2d(F.pad(planes.flatten(1, 2), (1, 1, 1, 1), mode="replicate"), own, self.bias, groups=3)
        made = made + F.conv1d(columns, of_columns.sum(dim=2), groups=3)[..., None, :]
        made = made + F.conv1d(rows, of_rows.sum(dim=3), groups=3)[..., None]
        return made.unflatten(1, (3, -1))


class Convolutions(nn.Module):
    """Two roll-out convolutions, each normalised and rectified; the last one of the U-Net is neither.

    Differs from the paper: a frame's plane is normalised by its own mean and deviation, in rendering too, not by a batch's, since a
    step has one frame.
    """

    def __init__(self, inputs: int, outputs: int, *, last: bool = False) -> None:
        super().__init__()
        self.first, self.second = RollOutConvolution(inputs, outputs), RollOutConvolution(outputs, outputs)
        self.norms = nn.ModuleList(nn.GroupNorm(3, 3 * outputs) for _ in range(1 if last else 2))
        if last:
            nn.init.zeros_(self.second.weight)

    def forward(self, planes: Tensor) -> Tensor:
        """(b, 3, inputs, r, r) -> (b, 3, outputs, r, r)."""
        for convolution, norm in itertools.zip_longest((self.first, self.second), self.norms):
            planes = convolution(planes)
            if norm is not None:
                planes = F.leaky_relu(norm(planes.flatten(1, 2)), _SLOPE).view_as(planes)
        return planes


class DeltaPlanes(nn.Module):
    """The U-Net. Untrained it adds nothing, since its last convolution is 0; it works in units of the planes' own size.

    Differs from the paper: what is halved or doubled is so before the two convolutions of a scale, not between them; edges repeat.
    """

    def __init__(self, widths: tuple[int, ...], token_width: int, attention: AttentionShape) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(Convolutions(*pair) for pair in pairs)
        self.attention = TokenAttention(widths[-1], token_width, attention)
        self.up = nn.ModuleList(
            Convolutions(wide, narrow, last=number == len(pairs) - 1)
            for number, (narrow, wide) in enumerate(reversed(pairs))
        )

    def forward(self, planes: Tensor, tokens: Tensor) -> Tensor:
        """Identity planes (3, c, r, r) and tokens (b, n, token_width) of b frames -> (b, 3, c, r, r) to add to them."""
        size = planes.square().mean().sqrt()
        kept = [planes[None] / size]
        for block in self.down:
            kept.append(block(_resized(kept[-1], kept[-1].shape[-1] // 2)))
        made = self.attention(kept.pop().expand(len(tokens), -1, -1, -1, -1), tokens)
        for block in self.up:
            skip = kept.pop()
            made = block(_resized(made, skip.shape[-1]))
            made = made + skip if kept else made
        return made * (_REACH * size)


def _resized(planes: Tensor, side: int) -> Tensor:
    """(b, 3, c, r, r) -> (b, 3, c, side, side) by StyleGAN's filter (1, 3, 3, 1), which a triangle is at a factor of two."""
    shrinks = side < planes.shape[-1]
    made = F.interpolate(planes.flatten(1, 2), (side, side), mode="bilinear", antialias=shrinks)
    return made.unflatten(1, (3, -1))
