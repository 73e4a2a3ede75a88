"""What rays see, without gradients: their samples are evaluated front to back, and none behind what hides it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tfg.engines import Samples, composite

_TOGETHER = 3  # samples of a ray in a round
_ROWS = 2**15  # evaluated at once: what lies between the nets stays in cache
HIDDEN = 1e-4  # share of the light; a sample that less reaches weighs nothing in `composite` either
FAINT = 1e-4  # weight below which no colour is evaluated: of a ray's 24 samples at most 0.6 of 255


def front_to_back(
    samples: Samples,
    density: Callable[[Tensor], tuple[Tensor, Tensor]],
    color: Callable[[Tensor, Tensor], Tensor],
    *,
    engine: str,
) -> tuple[Tensor, Tensor]:
    """Colour (r, 3) and opacity (r,) of the rays of m samples, as `composite` of all of them, but for faint ones' colours.

    `density`: of samples (n,) int64 their sigma (n,) and features (n, f); `color`: of samples and features (n, 3).
    """
    count = len(samples.t)
    sigma, colors = samples.t.new_zeros(count), samples.t.new_zeros(count, 3)
    depth = samples.t.new_zeros(len(samples.start) - 1, dtype=torch.float64)  # optical, of each ray so far
    for rows in _rounds(samples, depth):
        sigma[rows], features = density(rows)
        before, thick = _passed(sigma[rows] * samples.delta[rows], samples.ray[rows], depth)
        lit = (torch.exp(-before) * -torch.expm1(-thick) > FAINT).nonzero()[:, 0]
        if len(lit):
            colors[rows[lit]] = color(rows[lit], features[lit])
    made, opacity, _ = composite(sigma, colors, samples, engine=engine, stop=HIDDEN)
    return made, opacity


def _rounds(samples: Samples, depth: Tensor) -> Iterator[Tensor]:
    """Samples to evaluate next: a few of every ray that is not yet opaque, near to far; `depth` grows meanwhile."""
    left = torch.arange(len(samples.t), device=depth.device)
    rank = left - samples.start[samples.ray]
    first = 0
    while len(left):
        due = left[rank[left] < first + _TOGETHER]
        yield from due.split(_ROWS)
        first += _TOGETHER
        left = left[(rank[left] >= first) & (depth[samples.ray[left]] < -math.log(HIDDEN))]


def _passed(thick: Tensor, ray: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Optical depth before each of some samples (n,), sorted by ray, and of itself; added to the `depth` of their rays."""
    thick = thick.to(depth.dtype)
    total = thick.cumsum(0)
    first = torch.ones_like(ray, dtype=torch.bool)
    first[1:] = ray[1:] != ray[:-1]
    own = torch.arange(len(ray), device=ray.device).where(first, 0).cummax(0).values  # the first sample of the same ray
    before = depth[ray] + (total - thick) - (total - thick)[own]
    depth.index_add_(0, ray, thick)
    return before, thick
