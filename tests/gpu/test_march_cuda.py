"""Marching and compositing on a CUDA device: the Triton kernels against the twin on the same device."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from tfg.engines import OccupancyGrid, Samples, composite, march

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
BOX = (-1.0, -0.5, -1.0, 1.0, 0.5, 1.0)
SAMPLING = {"max_samples": 16, "near": 0.05, "longest": 2 * math.sqrt(3) / 128}


def ball() -> OccupancyGrid:
    grid = OccupancyGrid(128).cuda()
    grid.update(lambda points: 100.0 * (points.norm(dim=1) < 0.5), torch.Generator("cuda").manual_seed(0))
    return grid


def rays(count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator("cuda").manual_seed(1)
    origins = torch.tensor([0.0, 0.0, -2.5], device="cuda").expand(count, 3)
    aim = 0.3 * torch.randn(count, 2, generator=generator, device="cuda")
    directions = torch.nn.functional.normalize(torch.cat([aim, torch.ones(count, 1, device="cuda")], dim=1), dim=1)
    return origins, directions, torch.rand(count, generator=generator, device="cuda")


@pytest.mark.parametrize("options", [{}, {"growth": 1 / 32, "shortest": 0.01, "longest": 0.2}, {"max_samples": 3}])
def test_samples_are_those_of_the_twin(options: dict) -> None:
    origins, directions, offset = rays(4096)
    grid = ball()
    given = {"aabb": BOX, "offset": offset, **SAMPLING, **options}
    found, expected = (march(origins, directions, grid, engine=engine, **given) for engine in ("cuda", "torch"))
    # fused multiply-adds are off, but torch may divide differently: a sample in ten thousand may cross a border
    differing = (found.start.diff() != expected.start.diff()).sum()
    assert differing <= 4
    assert len(found.t) > 1000
    same = (found.start.diff() == expected.start.diff()).cpu()
    pick = [same[samples.ray.cpu()].to(samples.t.device) for samples in (found, expected)]
    for name in ("points", "t", "delta"):
        values = [getattr(samples, name)[rows] for samples, rows in zip((found, expected), pick, strict=True)]
        torch.testing.assert_close(*values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1])
def test_few_rays_and_rays_that_miss(count: int) -> None:
    origins = torch.full((count, 3), 5.0, device="cuda")
    samples = march(origins, torch.ones(count, 3, device="cuda"), ball(), aabb=BOX, **SAMPLING, engine="cuda")
    assert samples.start.tolist() == [0] * (count + 1)
    values, opacity, _ = composite(samples.t, samples.points, samples, "cuda")
    assert values.shape == (count, 3)
    assert not opacity.any()


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_compositing_and_its_gradients_equal_the_twin_in_double(channels: int) -> None:
    generator = torch.Generator("cuda").manual_seed(2)
    origins, directions, offset = rays(4096)
    samples = march(origins, directions, ball(), aabb=BOX, **SAMPLING, offset=offset, engine="cuda")
    sigma = torch.rand(len(samples.t), generator=generator, device="cuda") * 60
    values = torch.randn(len(samples.t), channels, generator=generator, device="cuda")
    results = []
    for engine, dtype in (("cuda", torch.float32), ("torch", torch.float64)):
        along = dataclasses.replace(samples, t=samples.t.to(dtype), delta=samples.delta.to(dtype))
        leaves = [given.to(dtype).clone().requires_grad_() for given in (sigma, values)]
        outputs = composite(leaves[0], leaves[1], along, engine, with_weights=True)
        sum((output**2).sum() for output in outputs).backward()  # type: ignore[union-attr]
        results.append([*outputs, *(leaf.grad for leaf in leaves)])
    for one, other in zip(*results, strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


def test_default_step_holds_on_the_device() -> None:
    origin, direction = torch.tensor([[0.0, 0.0, -2.0]], device="cuda"), torch.tensor([[0.0, 0.0, 1.0]], device="cuda")
    samples: Samples = march(origin, direction, OccupancyGrid(8).cuda(), aabb=BOX, **SAMPLING, engine="cuda")
    expected = 1.0 + 2 * math.sqrt(3) / 128 * torch.arange(16, device="cuda")
    torch.testing.assert_close(samples.t, expected)
