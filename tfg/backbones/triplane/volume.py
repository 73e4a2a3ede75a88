"""What rays through three planes meet: colour, opacity and depth in two passes (EG3D's renderer, after NeRF).

The first pass samples a ray evenly between the sides of a box; the second samples where the first found matter. Both count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tfg.backbones.triplane.settings import Sampling
from tfg.engines.planes import sample_planes

Decode = Callable[[Tensor], tuple[Tensor, Tensor]]  # features (n, channels) -> densities (n,), colours (n, colours)
_FLOOR = 0.01  # share of every interval in the second pass, as in EG3D
_NONE = 1e-6


@dataclass(frozen=True)
class Traced:
    """Of n rays."""

    color: Tensor  # (n, colours) times opacity: over a background add (1 - opacity) * background
    opacity: Tensor  # (n,) in [0, 1]
    depth: Tensor  # (n,) field units along the ray, mean over what it meets; without a meaning where opacity is 0

    def split(self, count: int) -> tuple[Traced, Traced]:
        """The first rays and the others."""
        parts = (self.color, self.opacity, self.depth)
        return Traced(*(part[:count] for part in parts)), Traced(*(part[count:] for part in parts))


def trace(
    planes: Tensor,
    decoder: Decode,
    origins: Tensor,
    directions: Tensor,
    sampling: Sampling,
    jitter: Tensor | None,
    *,
    engine: str = "auto",
) -> Traced:
    """Rays (n, 3) with unit directions (n, 3) in field space through planes (3, channels, side, side).

    `jitter` (n, uniform + importance) in [0, 1): where in its interval each sample lies; None: in its middle. Differentiable in the
    planes and the decoder's weights; where samples lie is not a part of the gradient.
    """
    if jitter is None:
        jitter = origins.new_full((1, sampling.count), 0.5)

    def evaluate(t: Tensor) -> tuple[Tensor, Tensor]:
        points = (origins[:, None] + directions[:, None] * t[..., None]).view(-1, 3)
        density, color = decoder(sample_planes(planes, points, engine=engine))
        return density.view(t.shape), color.view(*t.shape, -1)

    t = _evenly(*spans(origins, directions, sampling), jitter[:, : sampling.uniform])
    density, color = evaluate(t)
    if sampling.importance:
        with torch.no_grad():
            more = _by_weight(t, weights_of(t, density), jitter[:, sampling.uniform :])
        second_density, second_color = evaluate(more)
        t, order = torch.cat([t, more], dim=1).sort(dim=1)
        density = torch.cat([density, second_density], dim=1).gather(1, order)
        color = torch.cat([color, second_color], dim=1)
        color = color.gather(1, order[..., None].expand_as(color))
    weights = weights_of(t, density)
    opacity = weights.sum(dim=1)
    return Traced(
        color=torch.einsum("ns,nsc->nc", weights, (color[:, 1:] + color[:, :-1]) / 2),
        opacity=opacity,
        depth=(weights * (t[:, 1:] + t[:, :-1]) / 2).sum(dim=1) / (opacity + _NONE),
    )


def spans(origins: Tensor, directions: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """(n, 1) twice: where rays enter and leave the box, in front of their origin; the same for a ray that misses it."""
    safe = torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    low, high = ((origins.new_tensor(corner) - origins) / safe for corner in (sampling.low, sampling.high))
    near = torch.minimum(low, high).amax(dim=1, keepdim=True).clamp_min(0)
    far = torch.maximum(low, high).amin(dim=1, keepdim=True)
    return near, torch.maximum(near, far)


def weights_of(t: Tensor, density: Tensor) -> Tensor:
    """(n, s - 1) share of the light that comes from each interval between samples t (n, s), ascending, with densities (n, s)."""
    passed = t.diff(dim=1) * (density[:, 1:] + density[:, :-1]) / 2  # optical thickness
    before = torch.cumsum(passed, dim=1) - passed
    return torch.exp(-before) * -torch.expm1(-passed)


def _evenly(near: Tensor, far: Tensor, jitter: Tensor) -> Tensor:
    """(n, s) one in each of s equal intervals."""
    count = jitter.shape[1]
    return near + (far - near) * (torch.arange(count, device=near.device) + jitter) / count


def _by_weight(t: Tensor, weights: Tensor, jitter: Tensor) -> Tensor:
    """(n, m) ascending where m equal shares of the weights (n, s - 1), blurred, lie between samples t (n, s)."""
    wide = torch.nn.functional.pad(weights, (1, 1))
    wide = torch.maximum(wide[:, 1:], wide[:, :-1])  # (n, s): of the two intervals beside each sample the heavier one
    blurred = (wide[:, 1:] + wide[:, :-1]) / 2 + _FLOOR
    total = torch.cumsum(blurred, dim=1)
    share = torch.nn.functional.pad(total / total[:, -1:], (1, 0))  # (n, s), from 0 to 1
    count = jitter.shape[1]
    wanted = ((torch.arange(count, device=t.device) + jitter) / count).expand(len(t), -1).contiguous()
    right = torch.searchsorted(share, wanted, right=True).clamp(1, t.shape[1] - 1)
    at, before = share.gather(1, right), share.gather(1, right - 1)
    part = (wanted - before) / (at - before).clamp_min(1e-9)
    start, stop = t.gather(1, right - 1), t.gather(1, right)
    return start + part.clamp(0, 1) * (stop - start)
