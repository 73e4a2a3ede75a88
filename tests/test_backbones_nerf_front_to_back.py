"""Rays seen front to back: the same picture as of all samples, of which those behind what is opaque are never evaluated."""

import torch
from torch import Tensor

from tfg.backbones.nerf.front_to_back import front_to_back
from tfg.engines import Samples, composite

LENGTH = 0.1


def samples_of(counts: list[int]) -> Samples:
    """Rays with so many samples each, LENGTH apart."""
    number = torch.tensor(counts)
    start = torch.cat([torch.zeros(1, dtype=torch.int64), number.cumsum(0)])
    ray = torch.repeat_interleave(torch.arange(len(counts)), number)
    t = (torch.arange(len(ray)) - start[ray]).float() * LENGTH
    return Samples(
        points=torch.rand(len(ray), 3),
        directions=torch.rand(len(ray), 3),
        t=t,
        delta=torch.full_like(t, LENGTH),
        ray=ray,
        start=start,
    )


def look(samples: Samples, sigma: Tensor, colors: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    evaluated: list[int] = []

    def density(rows: Tensor) -> tuple[Tensor, Tensor]:
        evaluated.extend(rows.tolist())
        return sigma[rows], rows[:, None].float()

    def color(rows: Tensor, features: Tensor) -> Tensor:
        assert torch.equal(features[:, 0].long(), rows)
        return colors[rows]

    made, opacity = front_to_back(samples, density, color, engine="torch")
    return made, opacity, evaluated


def test_the_picture_is_that_of_all_samples() -> None:
    torch.manual_seed(0)
    samples = samples_of([0, 1, 24, 7, 0, 24, 3, 24])
    sigma, colors = 40 * torch.rand(len(samples.t)) ** 4, torch.rand(len(samples.t), 3)
    made, opacity, _ = look(samples, sigma, colors)
    expected, opaque, _ = composite(sigma, colors, samples, engine="torch")
    torch.testing.assert_close(opacity, opaque, rtol=0, atol=1e-6)
    assert (made - expected).abs().max() <= 24 * 1e-4
    assert (made - expected).abs().mean() < 1e-4


def test_nothing_behind_an_opaque_sample_is_evaluated_but_its_own_round() -> None:
    samples = samples_of([24, 24])
    sigma = torch.zeros(48)
    sigma[2] = 1e4  # of the first ray; the second is empty
    *_, evaluated = look(samples, sigma, torch.rand(48, 3))
    assert sorted(evaluated) == [0, 1, 2, *range(24, 48)]


def test_depth_that_adds_up_over_rounds_hides_too() -> None:
    samples = samples_of([24])
    sigma = torch.full((24,), 16.0)  # 1.6 a sample: exp(-9.6) < 1e-4 after six
    *_, evaluated = look(samples, sigma, torch.rand(24, 3))
    assert evaluated == list(range(6))


def test_rays_without_samples_are_empty() -> None:
    made, opacity, evaluated = look(samples_of([0, 0]), torch.zeros(0), torch.zeros(0, 3))
    assert not made.any()
    assert not opacity.any()
    assert not evaluated
