"""How tokens reach the planes at the U-Net's bottleneck: self-attention within a plane, then of all planes' pixels to the tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.backbones.triplane.delta_settings import AttentionShape
from tfg.engines.planes.base import AXES

_LONGEST = 10_000.0  # pixels, over 2 pi the longest wave of the positions (Vaswani et al. 2017)


def plane_positions(width: int, side: int) -> Tensor:
    """(3, width, side, side): sinusoidal positions of a cube's pixels, averaged onto its planes along the axis that each lacks."""
    channels = 2 * math.ceil(width / 6)  # of an axis: as many sines as cosines
    rates = _LONGEST ** (-torch.arange(0, channels, 2) / channels)
    waves = torch.arange(side)[:, None] * rates
    line = torch.cat([waves.sin(), waves.cos()], dim=1).T  # (channels, side)
    mean = line.mean(dim=1)[:, None, None].expand(-1, side, side)
    planes = []
    for column, row in AXES:
        of_axis = [mean] * 3
        of_axis[column] = line[:, None, :].expand(-1, side, side)
        of_axis[row] = line[:, :, None].expand(-1, side, side)
        planes.append(torch.cat(of_axis)[:width])
    return torch.stack(planes)


class Attention(nn.Module):
    """Multi-head attention of rows to a context, without a bias but for the output's."""

    def __init__(self, width: int, context_width: int, shape: AttentionShape) -> None:
        super().__init__()
        inner, self.heads = shape.heads * shape.head_width, shape.heads
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(context_width, inner, bias=False)
        self.value = nn.Linear(context_width, inner, bias=False)
        self.out = nn.Linear(inner, width)

    def forward(self, rows: Tensor, context: Tensor) -> Tensor:
        """(b, n, width) and (b, m, context_width) -> (b, n, width)."""
        parts = (self.query(rows), self.key(context), self.value(context))
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        made = F.scaled_dot_product_attention(query, key, value)
        return self.out(made.transpose(1, 2).flatten(2))


class GatedFeedForward(nn.Module):
    """GEGLU (Shazeer 2020), four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(width, 8 * width), nn.Linear(4 * width, width)

    def forward(self, rows: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        values, gates = self.wide(rows).chunk(2, dim=-1)
        return self.narrow(values * F.gelu(gates))


class AttentionBlock(nn.Module):
    """Of one plane to itself, of all planes to the tokens, feed-forward; each normalised before and added, as in latent diffusion."""

    def __init__(self, width: int, token_width: int, shape: AttentionShape) -> None:
        super().__init__()
        self.own, self.to_tokens = Attention(width, width, shape), Attention(width, token_width, shape)
        self.feed = GatedFeedForward(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, rows: Tensor, tokens: Tensor) -> Tensor:
        """Pixels (b, 3, n, width) and tokens (b, m, token_width) -> (b, 3, n, width)."""
        planes = rows.flatten(0, 1)
        normal = self.norms[0](planes)
        every = (planes + self.own(normal, normal)).view_as(rows).flatten(1, 2)
        every = every + self.to_tokens(self.norms[1](every), tokens)
        return (every + self.feed(self.norms[2](every))).view_as(rows)


class TokenAttention(nn.Module):
    """The blocks one after another, positions added before each. Without a block the tokens' sum is added to every pixel alike."""

    def __init__(self, width: int, token_width: int, shape: AttentionShape) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(AttentionBlock(width, token_width, shape) for _ in range(shape.blocks))
        self.plain = None if shape.blocks else nn.Linear(token_width, width)

    def forward(self, planes: Tensor, tokens: Tensor) -> Tensor:
        """(b, 3, width, r, r) and (b, m, token_width) -> (b, 3, width, r, r)."""
        if self.plain is not None:
            return planes + self.plain(tokens).sum(dim=1)[:, None, :, None, None]
        width, side = planes.shape[2], planes.shape[3]
        places = plane_positions(width, side).to(planes).flatten(2).transpose(1, 2)
        rows = planes.flatten(3).transpose(2, 3)
        for block in self.blocks:
            rows = block(rows + places, tokens)
        return rows.transpose(2, 3).unflatten(3, (side, side))
