"""The photometric loss: the C path against the twin in double precision, and the twin's derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from photometric_scenes import SEEN, TERMS, descend, scene
from torch import Tensor

from tfg.engines import Terms, photometric, ssim
from tfg.types import InputError

SHAPES = [(128, 128, 3), (17, 13, 3), (5, 200, 1), (1, 1, 3), (1, 40, 2), (16, 16, 4), (14, 397, 3), (3, 1030, 1)]


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


def test_ssim_agrees_with_a_convolution_written_out() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(2, 24, 20, 3)
    taps = torch.exp(-((torch.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = (taps / taps.sum()).outer(taps / taps.sum())[None, None]

    def blur(picture: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(picture.permute(2, 0, 1)[:, None], window, padding=5)[:, 0]

    mx, my = blur(x), blur(y)
    vx, vy, c = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    expected = ((2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))).mean()
    torch.testing.assert_close(ssim(x, y), expected, rtol=1e-4, atol=1e-5)  # float32 variances cancel


@pytest.mark.parametrize("size", [(20, 24), (40, 190), (1, 7)])  # 190 pixels are more than one strip
@pytest.mark.parametrize("seen", SEEN)
def test_all_terms_in_float32_equal_the_twin_in_double(
    size: tuple[int, int], seen: dict[str, bool], engine: str
) -> None:
    given = scene(*size, **seen)
    found, expected = descend(given, engine, torch.float32), descend(given, "torch", torch.float64)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=0)
    for made, true in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(made, true, rtol=1e-4, atol=1e-4 * float(true.abs().max()))


@pytest.mark.parametrize("size", [(40, 60), (11, 180), (70, 400)])
@pytest.mark.parametrize("patches", [0, 1, 3])
@pytest.mark.parametrize("shown", [False, True])
def test_pictures_that_differ_in_patches_equal_the_twin_in_double(
    size: tuple[int, int], patches: int, shown: bool, engine: str
) -> None:
    """Where they are the same the C path computes nothing."""
    given, generator = scene(*size, shown=shown), torch.Generator().manual_seed(2)
    rendered = given["truth"].clone()
    if shown:
        given["shown"] = (given["shown"] > 0.5).double()
        rendered = torch.lerp(given["backdrop"], rendered, given["shown"][..., None])
    for _ in range(patches):
        top, left = (int(torch.randint(length - 8, (), generator=generator)) for length in size)
        rendered[top : top + 8, left : left + 8] = given["rendered"][:8, :8]
    given["rendered"] = rendered.float().double()  # no difference by rounding: its sign would be a gradient
    given["truth"] = given["truth"].float().double()
    found, expected = descend(given, engine, torch.float32), descend(given, "torch", torch.float64)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=2e-7)
    for made, true in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(made, true, rtol=1e-4, atol=1e-4 * float(true.abs().max()) + 1e-9)


def test_each_term_by_hand(engine: str) -> None:
    """Of two flat pictures that differ by 0.25, in a box of a quarter of the pixels, with alpha 0.5 off in half of them."""
    rendered, truth, alpha = torch.full((8, 8, 3), 0.75), torch.full((8, 8, 3), 0.5), torch.zeros(8, 8)
    silhouette = torch.zeros(8, 8)
    silhouette[:4] = 0.5
    box = (slice(0, 4), slice(2, 6))

    def loss(**weights: float) -> float:
        terms = Terms(**{"absolute": 0.0, **weights})
        return float(photometric(rendered, truth, terms, box=box, alpha=alpha, silhouette=silhouette, engine=engine))

    assert loss(absolute=2.0) == pytest.approx(0.5)
    assert loss(box=2.0) == pytest.approx(0.5 / 4)
    assert loss(alpha=2.0) == pytest.approx(0.5)
    assert loss(dissimilarity=2.0) == pytest.approx(2 * (1 - float(ssim(rendered, truth, engine))))


def test_what_is_not_shown_is_the_backdrop(engine: str) -> None:
    """A picture that is the backdrop where nothing is shown has no loss there; a veiled one has none whatever it is there."""
    given = {
        name: value for name, value in scene(12, 12, shown=True).items() if name in ("rendered", "truth", "backdrop")
    }
    given = {name: value.float() for name, value in given.items()}
    shown = torch.zeros(12, 12)
    shown[3:9, 3:9] = 1
    seen = torch.lerp(given["backdrop"], given["truth"], shown[..., None])
    terms = Terms(absolute=1.0, dissimilarity=0.2)
    assert (
        float(photometric(seen, given["truth"], terms, shown=shown, backdrop=given["backdrop"], engine=engine)) < 1e-5
    )
    hidden = torch.where(shown[..., None] == 1, given["truth"], given["rendered"])
    veiled = {"shown": shown, "backdrop": given["backdrop"], "engine": engine}
    assert float(photometric(hidden, given["truth"], terms, **veiled, veiled=True)) < 1e-5
    assert float(photometric(hidden, given["truth"], terms, **veiled)) > 0.1


def test_all_terms_have_the_same_bits_for_any_number_of_threads() -> None:
    given, threads, found = scene(50, 190, shown=True, veiled=True), torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(descend(given, "cpu", torch.float32))
    torch.set_num_threads(threads)
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"backdrop": None}, "shown together with backdrop"),
        ({"silhouette": None}, "alpha together with silhouette"),
        ({"shown": torch.rand(3, 3).double()}, r"shown has shape \(3, 3\), expected \(6, 8\)"),
        ({"alpha": torch.rand(6, 8)}, "rendered and alpha must share dtype and device"),
        ({"box": (slice(0, 7), slice(0, 8))}, "does not lie within a picture of \\(6, 8\\)"),
    ],
)
def test_what_does_not_fit_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        photometric(**scene(6, 8, shown=True) | wrong, terms=TERMS)
