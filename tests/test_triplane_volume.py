"""The two-pass renderer: a ball of known opacity and depth, the second pass, gradients, rays that miss, threads."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tfg.backbones.triplane.settings import Sampling
from tfg.backbones.triplane.volume import spans, trace, weights_of
from tfg.threads import threads

RADIUS, CENTRE = 0.4, torch.tensor([0.1, -0.05, 0.2])
BOX = {"low": (-0.9, -0.9, -0.9), "high": (0.9, 0.9, 0.9)}


def coordinates(side: int = 16) -> Tensor:
    """(3, 3, side, side) planes whose mean at a point is the point: each coordinate is linear on the planes that have it."""
    places = (torch.arange(side) + 0.5) / side * 2 - 1
    column, row = places.expand(side, side), places[:, None].expand(side, side)
    none = torch.zeros_like(row)
    planes = [(column, row, none), (column, none, row), (none, row, column)]  # (x, y), (x, z), (z, y)
    return torch.stack([torch.stack(plane) for plane in planes]) * 1.5  # two of three planes have each


class Ball:
    """Density `density` inside a ball, none outside; its colour is that of its depth."""

    def __init__(self, density: float) -> None:
        self.density = density

    def __call__(self, features: Tensor) -> tuple[Tensor, Tensor]:
        inside = (features - CENTRE).norm(dim=1) < RADIUS
        return inside * self.density, torch.stack([features[:, 2], *[torch.full_like(features[:, 0], 0.25)] * 2], dim=1)


def rays(*places: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Along z, from z = -4, through (x, y)."""
    origins = torch.tensor([[x, y, -4.0] for x, y in places])
    return origins, torch.tensor([[0.0, 0.0, 1.0]]).expand(len(places), 3).contiguous()


def sampling(uniform: int, importance: int) -> Sampling:
    return Sampling(uniform=uniform, importance=importance, **BOX)


def test_a_ball_has_the_opacity_of_its_chord() -> None:
    """1 - exp(-density * chord): 0.8 through the middle, 2 sqrt(0.4^2 - 0.3^2) beside it, none outside."""
    origins, directions = rays((0.1, -0.05), (0.4, -0.05), (0.6, -0.05))
    found = trace(coordinates(), Ball(2.0), origins, directions, sampling(200, 0), None)
    chords = torch.tensor([0.8, 2 * math.sqrt(0.07), 0.0])
    torch.testing.assert_close(
        found.opacity, 1 - torch.exp(-2.0 * chords), atol=0.01, rtol=0
    )  # samples are 0.009 apart
    torch.testing.assert_close(found.color[:, 1], 0.25 * found.opacity)


def test_an_opaque_ball_has_the_depth_of_its_front_and_the_colour_there() -> None:
    origins, directions = rays((0.1, -0.05))
    found = trace(coordinates(), Ball(1e4), origins, directions, sampling(400, 0), None)
    assert found.opacity.item() == pytest.approx(1, abs=1e-5)
    assert found.depth.item() == pytest.approx(4 + 0.2 - RADIUS, abs=0.005)  # samples are 0.0045 apart
    assert found.color[0, 0].item() == pytest.approx(0.2 - RADIUS, abs=0.005)


def test_the_second_pass_lowers_the_error_of_the_depth() -> None:
    places = torch.linspace(-0.25, 0.25, 41).tolist()
    origins, directions = rays(*((0.1 + x, -0.05) for x in places))
    true = 4 + 0.2 - torch.sqrt(RADIUS**2 - torch.tensor(places) ** 2)
    errors = [
        (trace(coordinates(), Ball(1e4), origins, directions, sampling(*counts), None).depth - true).abs().mean()
        for counts in ((12, 0), (24, 0), (12, 12))
    ]
    assert errors[2] < 0.5 * errors[1] < errors[0]  # better than as many samples in one pass


def test_rays_are_sampled_between_the_sides_of_the_box_and_never_behind_their_origin() -> None:
    origins = torch.tensor([[0.0, 0.0, -4.0], [0.0, 0.0, 0.0], [0.0, 3.0, -4.0]])
    near, far = spans(origins, torch.tensor([[0.0, 0.0, 1.0]]).expand(3, 3), sampling(4, 0))
    torch.testing.assert_close(torch.cat([near, far], dim=1)[:2], torch.tensor([[3.1, 4.9], [0.0, 0.9]]))
    assert near[2] == far[2]  # it misses


def test_a_ray_that_misses_the_box_meets_nothing_and_has_no_gradient_that_is_no_number() -> None:
    planes = coordinates().requires_grad_()
    origins, directions = rays((0.1, 3.0), (0.1, 0.0))
    found = trace(planes, Ball(50.0), origins, directions, sampling(16, 16), None)
    assert found.opacity[0] == 0
    (found.color.sum() + found.depth.sum()).backward()
    assert torch.isfinite(planes.grad).all()


def test_weights_and_what_passes_add_up_to_one() -> None:
    torch.manual_seed(0)
    t, density = torch.rand(5, 9).sort(dim=1).values, 3 * torch.rand(5, 9)
    passed = torch.exp(-(t.diff(dim=1) * (density[:, 1:] + density[:, :-1]) / 2).sum(dim=1))
    torch.testing.assert_close(weights_of(t, density).sum(dim=1) + passed, torch.ones(5))


def test_the_gradient_in_the_planes_is_that_of_finite_differences() -> None:
    """With samples that stay where they are: one pass, and a smooth decoder."""
    torch.manual_seed(0)
    planes = torch.randn(3, 4, 5, 5, dtype=torch.float64, requires_grad=True)
    origins, directions = (value.double() for value in rays((0.1, 0.2), (-0.4, 0.0), (0.3, -0.6)))

    def decode(features: Tensor) -> tuple[Tensor, Tensor]:
        return torch.exp(features[:, 0]), torch.sigmoid(features[:, 1:])

    def traced(values: Tensor) -> tuple[Tensor, ...]:
        found = trace(values, decode, origins, directions, sampling(6, 0), None, engine="torch")
        return found.color, found.opacity, found.depth

    assert torch.autograd.gradcheck(traced, planes, fast_mode=True)


def test_jitter_moves_samples_within_their_intervals() -> None:
    origins, directions = rays((0.1, -0.05))
    torch.manual_seed(0)
    found = [
        trace(coordinates(), Ball(1e4), origins, directions, sampling(40, 0), torch.rand(1, 40)).depth for _ in range(8)
    ]
    assert len({round(depth.item(), 6) for depth in found}) > 1
    torch.testing.assert_close(torch.stack(found), torch.full((8, 1), 3.8), atol=0.05, rtol=0)  # an interval: 0.045


def test_the_number_of_threads_changes_no_bit() -> None:
    torch.manual_seed(0)
    origins, directions = rays(*(torch.rand(500, 2) - 0.5).tolist())
    jitter, found = torch.rand(500, 32), []
    for count in (1, 2):
        with threads(count):
            planes = coordinates(32).requires_grad_()
            made = trace(planes, Ball(5.0), origins, directions, sampling(16, 16), jitter)
            (made.color.sum() + made.opacity.sum()).backward()
            found.append((made.color.detach(), made.depth.detach(), planes.grad))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
