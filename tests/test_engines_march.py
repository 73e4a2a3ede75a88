"""Marching and compositing: samples by hand, the C path against the twin to the bit, gradients against double precision."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from tfg.engines import OccupancyGrid, Samples, composite, march, spherical_harmonics
from tfg.types import InputError

BOX = (-1.0, -0.5, -1.0, 1.0, 0.5, 1.0)
STEP = 2 * math.sqrt(3) / 128
SAMPLING = {"max_samples": 16, "near": 0.05, "longest": STEP}
engines = pytest.mark.parametrize("engine", ["torch", "cpu"])


def ball(resolution: int = 32, radius: float = 0.5) -> OccupancyGrid:
    grid = OccupancyGrid(resolution)
    grid.update(lambda points: 100.0 * (points.norm(dim=1) < radius), torch.Generator().manual_seed(0))
    return grid


def rays(count: int = 500, spread: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    origins = torch.tensor([0.0, 0.0, -2.5]) + 0.1 * torch.randn(count, 3, generator=generator)
    aim = spread * torch.randn(count, 2, generator=generator)
    directions = torch.nn.functional.normalize(torch.cat([aim, torch.ones(count, 1)], dim=1), dim=1)
    return origins, directions, torch.rand(count, generator=generator)


def one_ray(**options: object) -> Samples:
    origin, direction = torch.tensor([[0.0, 0.0, -2.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    return march(origin, direction, options.pop("grid", OccupancyGrid(8)), aabb=BOX, **(SAMPLING | options))  # type: ignore[arg-type]


@engines
def test_default_step_is_the_longest_whatever_max_samples(engine: str) -> None:
    samples = one_ray(max_samples=16, engine=engine)
    expected = 1.0 + STEP * torch.arange(16)  # enters the box at z = -1
    torch.testing.assert_close(samples.t, expected)
    torch.testing.assert_close(samples.delta, torch.full((16,), STEP))
    torch.testing.assert_close(samples.points[:, 2], expected - 2)
    assert samples.start.tolist() == [0, 16]


@engines
def test_offset_shifts_by_its_part_of_a_step_and_near_is_a_floor(engine: str) -> None:
    samples = one_ray(max_samples=1, offset=torch.tensor([0.5]), near=1.5, engine=engine)
    assert samples.t.item() == pytest.approx(1.5 + STEP / 2)


@engines
def test_steps_grow_with_t_between_their_limits(engine: str) -> None:
    samples = one_ray(max_samples=50, growth=0.1, shortest=0.12, longest=0.2, engine=engine)
    expected, t = [], 1.0
    while t < 3:
        expected.append(t)
        t += min(max(0.1 * t, 0.12), 0.2)
    torch.testing.assert_close(samples.t, torch.tensor(expected))
    torch.testing.assert_close(samples.delta, (0.1 * samples.t).clamp(0.12, 0.2))


@engines
def test_empty_cells_yield_no_samples(engine: str) -> None:
    grid = OccupancyGrid(8)
    grid.exclude(grid.order()[:, 2] != 5)  # z in [0.25, 0.5)
    samples = one_ray(grid=grid, max_samples=100, engine=engine)
    assert len(samples.t) in (9, 10)
    assert (samples.points[:, 2] >= 0.25).all()
    assert (samples.points[:, 2] < 0.5).all()


@pytest.mark.parametrize("resolution", [4, 32, 128])
@pytest.mark.parametrize("options", [{}, {"growth": 1 / 32, "shortest": 0.01, "longest": 0.2}, {"max_samples": 3}])
def test_c_finds_the_samples_of_the_twin_to_the_bit(resolution: int, options: dict) -> None:
    grid = ball(resolution)
    origins, directions, offset = rays()
    directions[0] = torch.tensor([0.0, 0.0, 1.0])  # parallel to the box
    directions[1] = torch.tensor([0.0, 0.0, -1.0])  # misses it
    for shift in (None, offset):
        found = [
            march(origins, directions, grid, aabb=BOX, offset=shift, engine=e, **(SAMPLING | options))
            for e in ("torch", "cpu")
        ]
        assert len(found[0].t) > 0
        for field in dataclasses.fields(Samples):
            assert torch.equal(*(getattr(samples, field.name) for samples in found)), field.name


@engines
@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_rays_and_rays_that_miss(engine: str, count: int) -> None:
    origins = torch.full((count, 3), 5.0)
    samples = march(origins, torch.ones(count, 3), ball(), aabb=BOX, **SAMPLING, engine=engine)
    assert samples.start.tolist() == [0] * (count + 1)
    values, opacity, depth = composite(samples.t, samples.points, samples, engine)
    assert values.shape == (count, 3)
    assert not opacity.any()
    assert not depth.any()


@engines
def test_march_never_writes_empty_samples(engine: str) -> None:
    origins, directions, _ = rays(200)
    samples = march(origins, directions, ball(), aabb=BOX, **(SAMPLING | {"max_samples": 64}), engine=engine)
    assert len(samples.t) == samples.start[-1] == len(samples.points) == len(samples.ray)
    assert len(samples.t) < 200 * 40
    torch.testing.assert_close(samples.ray.bincount(minlength=200), samples.start.diff())


def made_samples(lengths: list[int], seed: int = 0) -> tuple[Samples, Tensor, Tensor]:
    """Samples, sigma and 4 values for rays of the given lengths."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()])
    count = int(start[-1])
    ray = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    t, delta = torch.rand(count, generator=generator) + 1, torch.rand(count, generator=generator) * 0.1 + 0.01
    points = torch.zeros(count, 3)
    samples = Samples(points=points, directions=points, t=t, delta=delta, ray=ray, start=start)
    sigma = torch.rand(count, generator=generator) * 60
    sigma[::7] = 0
    return samples, sigma, torch.randn(count, 4, generator=generator)


@engines
def test_two_samples_by_hand(engine: str) -> None:
    samples, _, _ = made_samples([2])
    samples = dataclasses.replace(samples, t=torch.tensor([1.0, 2.0]), delta=torch.tensor([0.5, 0.25]))
    sigma, values = torch.tensor([2.0, 4.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    total, opacity, depth, weights = composite(sigma, values, samples, engine, with_weights=True)
    first, second = 1 - math.exp(-1), math.exp(-1) * (1 - math.exp(-1))
    torch.testing.assert_close(total, torch.tensor([[first, second]]))
    torch.testing.assert_close(weights, torch.tensor([first, second]))
    assert opacity.item() == pytest.approx(1 - math.exp(-2), rel=1e-6)
    assert depth.item() == pytest.approx(first + 2 * second, rel=1e-6)


@engines
def test_samples_behind_the_stop_weigh_nothing_and_get_no_gradient(engine: str) -> None:
    samples, _, values = made_samples([3])
    samples = dataclasses.replace(samples, delta=torch.ones(3))
    sigma = torch.tensor([5.0, 5.0, 5.0], requires_grad=True)  # transmittance 1, 6.7e-3, 4.5e-5
    *_, weights = composite(sigma, values, samples, engine, with_weights=True)
    assert weights[1] > 0
    assert weights[2] == 0
    weights.sum().backward()
    assert sigma.grad[2] == 0


def test_composite_in_c_equals_the_twin_in_double() -> None:
    samples, sigma, values = made_samples([0, 24, 1, 0, 17, 24, 0, *([13] * 200), 0])
    results = []
    for engine, dtype in (("cpu", torch.float32), ("torch", torch.float64)):
        along = dataclasses.replace(samples, t=samples.t.to(dtype), delta=samples.delta.to(dtype))
        leaves = [given.to(dtype).clone().requires_grad_() for given in (sigma, values)]
        outputs = composite(leaves[0], leaves[1], along, engine, with_weights=True)
        sum((output**2).sum() for output in outputs).backward()  # type: ignore[union-attr]
        results.append([*outputs, *(leaf.grad for leaf in leaves)])
    for found, expected in zip(*results, strict=True):
        assert (found - expected).abs().max() <= 2e-6 * expected.abs().max()


@pytest.mark.parametrize("which", range(4))
def test_each_output_alone_has_the_gradient_of_the_twin(which: int) -> None:
    samples, sigma, values = made_samples([5, 0, 9])
    grads = []
    for engine in ("cpu", "torch"):
        leaves = [given.clone().requires_grad_() for given in (sigma, values)]
        composite(leaves[0], leaves[1], samples, engine, with_weights=True)[which].square().sum().backward()
        grads.append([torch.zeros(()) if leaf.grad is None else leaf.grad for leaf in leaves])
    for found, expected in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected.expand_as(found), rtol=1e-4, atol=1e-5)


def test_gradcheck_of_the_twin() -> None:
    samples, sigma, values = made_samples([4, 0, 3])
    samples = dataclasses.replace(samples, t=samples.t.double(), delta=samples.delta.double())
    inputs = (sigma.double().add(0.1).requires_grad_(), values.double().requires_grad_())
    assert torch.autograd.gradcheck(lambda *leaves: composite(*leaves, samples, with_weights=True), inputs)


def test_same_bits_for_any_number_of_threads() -> None:
    samples, sigma, values = made_samples([13] * 700)
    threads, found = torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        leaves = [given.clone().requires_grad_() for given in (sigma, values)]
        outputs = composite(leaves[0], leaves[1], samples, "cpu")
        outputs[0].square().sum().backward()
        found.append([*outputs, *(leaf.grad for leaf in leaves)])
    torch.set_num_threads(threads)
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


@engines
def test_nan_is_an_error_that_names_the_argument(engine: str) -> None:
    origins, directions, offset = rays(5)
    broken = torch.full_like(origins, float("nan"))
    with pytest.raises(InputError, match="origins contain NaN"):
        march(broken, directions, ball(), aabb=BOX, **SAMPLING, engine=engine)
    with pytest.raises(InputError, match="directions contain NaN"):
        march(origins, broken, ball(), aabb=BOX, **SAMPLING, engine=engine)
    with pytest.raises(InputError, match="offset contain NaN"):
        march(origins, directions, ball(), aabb=BOX, **SAMPLING, offset=offset * float("nan"), engine=engine)
    samples, sigma, values = made_samples([3, 2])
    with pytest.raises(InputError, match="sigma contain NaN"):
        composite(sigma * float("nan"), values, samples, engine)
    with pytest.raises(InputError, match="values contain NaN"):
        composite(sigma, values * float("nan"), samples, engine)


def test_wrong_shapes_are_named() -> None:
    samples, sigma, values = made_samples([3, 2])
    with pytest.raises(InputError, match=r"sigma and values have shapes \(4,\) and \(5, 4\)"):
        composite(sigma[1:], values, samples)
    turned = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
    with pytest.raises(InputError, match="aabb is"):
        march(torch.zeros(1, 3), torch.ones(1, 3), ball(), aabb=turned, **SAMPLING)


def test_spherical_harmonics_are_orthonormal_on_the_sphere() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(200_000, 3, generator=generator), dim=1)
    basis = spherical_harmonics(directions, 4)
    gram = basis.T @ basis * (4 * math.pi / len(directions))
    # Monte Carlo with 2e5 directions: 1 / sqrt(2e5) = 2e-3, times the spread of products
    torch.testing.assert_close(gram, torch.eye(16), atol=2e-2, rtol=0)


def test_spherical_harmonics_follow_torch_ngp_order() -> None:
    x, y, z = directions = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, 3.0]), dim=0)
    basis = spherical_harmonics(directions[None], 2)[0]
    expected = torch.tensor([0.28209479, -0.48860251 * y, 0.48860251 * z, -0.48860251 * x])
    torch.testing.assert_close(basis, expected)
    with pytest.raises(InputError, match="degree is 5"):
        spherical_harmonics(directions[None], 5)


def test_an_opaque_sample_hides_all_behind_it() -> None:
    samples, _, values = made_samples([3])
    sigma = torch.tensor([1e30, 1.0, 1.0], requires_grad=True)
    total, opacity, _, weights = composite(sigma, values, samples, "cpu", with_weights=True)
    assert weights.tolist() == [1, 0, 0]
    torch.testing.assert_close(total[0], values[0])
    opacity.sum().backward()
    assert sigma.grad.tolist() == [0, 0, 0]
