"""Growing, pruning and the optimiser's moments that follow."""

import dataclasses

import torch
from support.parts import part

from tfg.backbones.gaussian.density import Density, regrow, replace, reset_opacity
from tfg.backbones.gaussian.gaussians import NAMES, Gaussians


def make(sizes: list[float], alphas: list[float]) -> tuple[Gaussians, torch.optim.Adam, Density]:
    """Gaussians after one Adam step in which every gradient of row i was i + 1."""
    gaussians = Gaussians(sh_degree=1)
    num = len(sizes)
    gaussians.fill(torch.arange(3.0 * num).view(num, 3), torch.rand(num, 3), torch.tensor(sizes), 0.5)
    with torch.no_grad():
        gaussians.opacities.copy_(torch.logit(torch.tensor(alphas)))
    groups = [{"params": [getattr(gaussians, name)], "name": name} for name in NAMES]
    optimizer = torch.optim.Adam(groups, lr=0.0, eps=1e-15, fused=True)
    for name in NAMES:
        parameter = getattr(gaussians, name)
        ramp = torch.arange(1.0, num + 1).view(num, *[1] * (parameter.ndim - 1))
        parameter.grad = ramp.expand_as(parameter).contiguous()
    optimizer.step()
    density = Density()
    density.resize(num, torch.device("cpu"))
    return gaussians, optimizer, density


RULES = part(
    "backbone/instag",
    "face_density",
    every=10,
    start=0,
    stop=100,
    gradient=1.0,
    percent_dense=0.1,
    opacity_floor=0.05,
    opacity_rise=0.0,
    max_num=10,
    min_num=1,
)


def test_a_small_gaussian_with_a_high_gradient_is_cloned_and_its_clone_has_no_moments():
    gaussians, optimizer, density = make([0.05, 0.05], [0.5, 0.5])
    density.gradient += torch.tensor([0.0, 4.0])
    density.drawn_in += 2
    regrow(gaussians, density, optimizer, RULES, step=10)
    assert len(gaussians) == 3
    torch.testing.assert_close(gaussians.means[2], gaussians.means[1])
    moments = optimizer.state[gaussians.means]["exp_avg"]
    torch.testing.assert_close(moments[:, 0], torch.tensor([0.1, 0.2, 0.0]))  # (1 - 0.9) * gradient


def test_a_large_gaussian_is_split_in_two_smaller_ones():
    torch.manual_seed(0)
    gaussians, optimizer, density = make([0.05, 0.32], [0.5, 0.5])
    density.gradient += 4.0
    density.drawn_in += torch.tensor([0.0, 1.0])  # row 0 was never drawn: its mean counts one frame
    rules = dataclasses.replace(RULES, gradient=4.0)
    regrow(gaussians, density, optimizer, rules, step=10)
    assert len(gaussians) == 4  # row 0 cloned, row 1 replaced by two
    torch.testing.assert_close(gaussians.sizes[-2:], torch.full((2, 3), 0.2))  # 0.32 / 1.6


def test_faint_and_huge_gaussians_are_pruned_with_their_moments():
    gaussians, optimizer, density = make([0.05, 0.05, 2.0, 0.05], [0.5, 0.04, 0.4, 0.5])
    regrow(gaussians, density, optimizer, RULES, step=10)
    assert len(gaussians) == 2
    moments = optimizer.state[gaussians.opacities]["exp_avg"]
    torch.testing.assert_close(moments, torch.tensor([0.1, 0.4]))
    assert len(density.gradient) == len(density.drawn_in) == 2


def test_growth_stops_at_the_largest_number_and_takes_the_highest_gradients():
    gaussians, optimizer, density = make([0.05] * 4, [0.5] * 4)
    density.gradient += torch.tensor([2.0, 5.0, 3.0, 4.0])
    density.drawn_in += 1
    regrow(gaussians, density, optimizer, dataclasses.replace(RULES, max_num=6), step=10)
    torch.testing.assert_close(gaussians.means[4:, 0], torch.tensor([3.0, 9.0]))  # rows 1 and 3


def test_the_most_opaque_are_never_pruned():
    gaussians, optimizer, density = make([0.05] * 4, [0.01, 0.03, 0.04, 0.02])
    regrow(gaussians, density, optimizer, dataclasses.replace(RULES, min_num=2), step=10)
    torch.testing.assert_close(gaussians.alphas.detach(), torch.tensor([0.03, 0.04]))


def test_the_optimiser_goes_on_with_the_replaced_parameters():
    gaussians, optimizer, _ = make([0.05] * 3, [0.5] * 3)
    replace(gaussians, optimizer, torch.tensor([True, False, True]), None)
    for group in optimizer.param_groups:
        assert group["params"][0] is getattr(gaussians, group["name"])
        group["lr"] = 0.1
    before = gaussians.means.detach().clone()
    gaussians.means.grad = torch.ones_like(gaussians.means)
    optimizer.step()
    assert (gaussians.means < before).all()


def test_an_opacity_reset_leaves_nothing_above_a_hundredth():
    gaussians, optimizer, _ = make([0.05] * 3, [0.5, 0.9, 0.005])
    reset_opacity(gaussians, optimizer)
    torch.testing.assert_close(gaussians.alphas, torch.tensor([0.01, 0.01, 0.005]))
    assert not optimizer.state[gaussians.opacities]["exp_avg"].any()


def test_the_opacity_floor_rises_with_the_steps():
    rules = part("backbone/instag", "face_density", stop=1000, opacity_floor=0.05, opacity_rise=0.25)
    assert rules.floor(0) == 0.05
    assert abs(rules.floor(400) - 0.15) < 1e-9
