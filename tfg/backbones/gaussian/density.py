"""Growing and pruning of Gaussians, by TalkingGaussian's rules, together with the optimiser's moments that belong to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tfg.backbones.gaussian.gaussians import NAMES, Gaussians, inverse_softplus
from tfg.backbones.gaussian.settings import DensityRules
from tfg.engines.gaussian import Raster
from tfg.engines.gaussian.twin import rotations


class Density(nn.Module):
    """Running sums of the screen gradients of n Gaussians; lies in the checkpoint beside them."""

    gradient: Tensor  # (n,) sum of norms per normalised device unit
    drawn_in: Tensor  # (n,) number of frames in which the Gaussian was drawn

    def __init__(self) -> None:
        super().__init__()
        self.resize(0, torch.device("cpu"))

    def resize(self, num: int, device: torch.device) -> None:
        """Start counting anew for `num` Gaussians."""
        self.register_buffer("gradient", torch.zeros(num, device=device))
        self.register_buffer("drawn_in", torch.zeros(num, device=device))

    @torch.no_grad()
    def add(self, raster: Raster) -> None:
        """Add one backward pass of a square picture."""
        assert raster.means2d.grad is not None
        drawn = raster.radii > 0
        self.gradient += torch.where(drawn, raster.means2d.grad.norm(dim=1) * (len(raster.color) / 2), 0.0)
        self.drawn_in += drawn


@torch.no_grad()
def regrow(
    gaussians: Gaussians, density: Density, optimizer: torch.optim.Optimizer, rules: DensityRules, step: int
) -> None:
    """Clone small, split large Gaussians with a high mean gradient, then prune the faint and the huge; restart the sums."""
    mean = density.gradient / density.drawn_in.clamp_min(1)
    room = max(rules.max_num - len(gaussians), 0)
    wanted = torch.where(mean >= rules.gradient, mean, 0.0)
    grown = torch.zeros_like(wanted, dtype=torch.bool)
    best = wanted.topk(min(room, len(wanted))).indices
    grown[best] = wanted[best] > 0
    large = gaussians.sizes.amax(dim=1) > rules.percent_dense
    clone, split = (grown & ~large).nonzero()[:, 0], (grown & large).nonzero()[:, 0]

    twice = split.repeat(2)
    spread = torch.randn(len(twice), 3, device=twice.device) * gaussians.sizes[twice]
    offset = torch.einsum("nij,nj->ni", rotations(gaussians.quats[twice]), spread)
    new = {name: torch.cat([getattr(gaussians, name)[clone], getattr(gaussians, name)[twice]]) for name in NAMES}
    new["means"][len(clone) :] += offset
    new["scales"][len(clone) :] = inverse_softplus(gaussians.sizes[twice] / 1.6)

    keep = torch.ones(len(gaussians), dtype=torch.bool, device=twice.device)
    keep[split] = False
    replace(gaussians, optimizer, keep, new)
    alphas = gaussians.alphas
    good = (alphas >= rules.floor(step)) & (gaussians.sizes.amax(dim=1) <= rules.largest)
    good[alphas.topk(min(rules.min_num, len(alphas))).indices] = True
    replace(gaussians, optimizer, good, None)
    density.resize(len(gaussians), gaussians.means.device)


@torch.no_grad()
def reset_opacity(gaussians: Gaussians, optimizer: torch.optim.Optimizer, ceiling: float = 0.01) -> None:
    """No opacity above `ceiling`, its moments zero: what is not needed stays faint and is pruned (3DGS section 5)."""
    parameter = gaussians.opacities
    parameter.clamp_(max=float(torch.logit(torch.tensor(ceiling))))
    for name in ("exp_avg", "exp_avg_sq"):
        if name in optimizer.state[parameter]:
            optimizer.state[parameter][name].zero_()


def replace(
    gaussians: Gaussians, optimizer: torch.optim.Optimizer, keep: Tensor, new: dict[str, Tensor] | None
) -> None:
    """Keep the rows `keep` (n,) and append the rows `new`, in the parameters and in Adam's moments (new rows have none)."""
    for name in NAMES:
        old: nn.Parameter = getattr(gaussians, name)
        added = new[name] if new else old.detach()[:0]
        parameter = nn.Parameter(torch.cat([old.detach()[keep], added]))
        for group in optimizer.param_groups:
            group["params"] = [parameter if candidate is old else candidate for candidate in group["params"]]
        state = optimizer.state.pop(old, None)
        if state is not None:
            for moment in ("exp_avg", "exp_avg_sq"):
                state[moment] = torch.cat([state[moment][keep], torch.zeros_like(added)])
            optimizer.state[parameter] = state
        setattr(gaussians, name, parameter)
