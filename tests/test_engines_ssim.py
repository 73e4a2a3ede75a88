"""Structural similarity: the C path against the twin in double precision, and the twin's derivatives."""

import pytest
import torch
from torch import Tensor

from tfg.engines import ssim
from tfg.types import InputError

SHAPES = [(128, 128, 3), (17, 13, 3), (5, 200, 1), (1, 1, 3), (1, 40, 2), (16, 16, 4)]


@pytest.fixture(params=["torch", "cpu"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def pictures(*shape: int) -> tuple[Tensor, Tensor]:
    """A smooth ramp with noise, and another with less noise."""
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0.2, 0.8, shape[1])[None, :, None]
    rendered, truth = torch.rand(2, *shape, generator=generator) - 0.5
    return ramp + 0.3 * rendered, ramp + 0.2 * truth


def run(rendered: Tensor, truth: Tensor, engine: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Value and three times the gradient."""
    leaf = rendered.to(dtype).clone().requires_grad_()
    value = ssim(leaf, truth.to(dtype), engine)
    (3 * value).backward()
    assert leaf.grad is not None
    return value.detach().double(), leaf.grad.double()


@pytest.mark.parametrize("shape", SHAPES)
def test_float32_equals_the_twin_in_double(shape: tuple[int, ...], engine: str) -> None:
    given = pictures(*shape)
    (value, grad), (expected, slope) = run(*given, engine, torch.float32), run(*given, "torch", torch.float64)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(grad, slope, rtol=1e-4, atol=1e-4 * float(slope.abs().max()))  # sums that cancel


def test_equal_pictures_are_1_and_at_the_top(engine: str) -> None:
    picture, _ = pictures(40, 30, 3)
    value, grad = run(picture, picture, engine, torch.float32)
    assert float(value) == pytest.approx(1, abs=1e-5)
    assert float(grad.abs().max()) < 1e-5


def test_a_flat_picture_beside_another_by_hand(engine: str) -> None:
    first, second = torch.full((1, 1, 1), 0.4), torch.full((1, 1, 1), 0.8)
    mass = 0.26601**2  # of the window's middle: the rest lies outside the picture
    x, y = 0.4 * mass, 0.8 * mass
    light = (2 * x * y + 1e-4) / (x * x + y * y + 1e-4)
    shape = (2 * (0.32 * mass - x * y) + 9e-4) / (0.16 * mass - x * x + 0.64 * mass - y * y + 9e-4)
    assert float(ssim(first, second, engine)) == pytest.approx(light * shape, rel=1e-4)  # five digits of the tap


def test_gradcheck_of_the_twin() -> None:
    rendered, truth = (values.double() for values in pictures(6, 14, 2))
    assert torch.autograd.gradcheck(lambda leaf: ssim(leaf, truth), rendered.requires_grad_())


def test_only_the_rendered_picture_gets_a_gradient(engine: str) -> None:
    rendered, truth = pictures(8, 8, 3)
    ssim(rendered.requires_grad_(), truth.requires_grad_(), engine).backward()
    assert rendered.grad is not None
    assert truth.grad is None
    assert not ssim(rendered.detach(), truth.detach(), engine).requires_grad


def test_pictures_need_not_be_contiguous() -> None:
    rendered, truth = (values.permute(1, 0, 2) for values in pictures(30, 20, 3))
    torch.testing.assert_close(ssim(rendered, truth, "cpu"), ssim(rendered, truth, "torch"))


def test_same_bits_for_any_number_of_threads() -> None:
    given, threads, found = pictures(50, 70, 3), torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(run(*given, "cpu", torch.float32))
    torch.set_num_threads(threads)
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


@pytest.mark.parametrize("name", ["rendered", "truth"])
def test_nan_is_an_error_that_names_the_argument(name: str, engine: str) -> None:
    given = dict(zip(("rendered", "truth"), pictures(20, 20, 3), strict=True))
    given[name][3, 4, 1] = float("nan")
    with pytest.raises(InputError, match=f"{name} contains NaN"):
        ssim(**given, engine=engine)


def test_wrong_shapes_and_types_are_named() -> None:
    with pytest.raises(InputError, match=r"rendered and truth have shapes \(4, 4, 3\) and \(4, 5, 3\)"):
        ssim(torch.rand(4, 4, 3), torch.rand(4, 5, 3))
    with pytest.raises(InputError, match=r"must share dtype and device"):
        ssim(torch.rand(4, 4, 3), torch.rand(4, 4, 3).double())
    with pytest.raises(InputError, match=r"have shapes \(0, 4, 3\)"):
        ssim(torch.rand(0, 4, 3), torch.rand(0, 4, 3))
