"""Reading a dense tri-plane: a reading made by hand, and the C path against the twin in double precision and finite differences."""

import math

import pytest
import torch
from torch import Tensor

from tfg.engines import sample_planes
from tfg.types import InputError

engines = pytest.mark.parametrize("engine", ["torch", "cpu"])
shapes = pytest.mark.parametrize(
    ("channels", "size"), [(32, 64), (1, 1), (3, 5), (16, 8), (17, 7), (48, 33), (75, 2), (64, 30)]
)
formats = pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last], ids=["first", "last"])


def made(channels: int, size: int, count: int = 1000, reach: float = 1.3) -> tuple[Tensor, Tensor, Tensor]:
    """Planes, points in and around the box, and a gradient of what they read."""
    generator = torch.Generator().manual_seed(channels * 1000 + size)
    planes = torch.randn(3, channels, size, size, generator=generator)
    points = (torch.rand(count, 3, generator=generator) * 2 - 1) * reach
    return planes, points, torch.randn(count, channels, generator=generator)


def by_hand(planes: Tensor, point: list[float]) -> Tensor:
    """(channels,) what one point reads, written out."""
    size = planes.shape[2]
    total = torch.zeros(planes.shape[1], dtype=planes.dtype)
    x, y, z = point
    for plane, (across, down) in zip(planes, ((x, y), (x, z), (z, y)), strict=True):
        for row in range(size):
            for column in range(size):
                from_column = abs((across + 1) * size / 2 - 0.5 - column)
                from_row = abs((down + 1) * size / 2 - 0.5 - row)
                total += max(0.0, 1 - from_column) * max(0.0, 1 - from_row) * plane[:, row, column]
    return total / 3


@engines
def test_a_reading_is_the_mean_of_three_planes_weighted_by_distance(engine: str) -> None:
    planes, points, _ = made(3, 5, count=50)
    found = sample_planes(planes, points, engine=engine)
    expected = torch.stack([by_hand(planes, point) for point in points.tolist()])
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@engines
def test_planes_are_xy_xz_zy_and_the_first_selects_the_column(engine: str) -> None:
    size = 4
    centres = (2 * torch.arange(size) + 1) / size - 1
    points = torch.stack([centres[1], centres[2], centres[3]])[None]
    planes = torch.zeros(3, 3, size, size)
    for plane, (column, row) in enumerate(((1, 2), (1, 3), (3, 2))):
        planes[plane, plane, row, column] = 3.0
    torch.testing.assert_close(sample_planes(planes, points, engine=engine), torch.ones(1, 3))


@formats
@shapes
def test_c_equals_the_twin_in_double(channels: int, size: int, form: torch.memory_format) -> None:
    planes, points, upstream = made(channels, size)
    results = []
    for engine, dtype in (("cpu", torch.float32), ("torch", torch.float64)):
        leaves = [values.to(dtype).clone() for values in (planes, points)]
        leaves[0] = leaves[0].contiguous(memory_format=form)
        out = sample_planes(*(leaf.requires_grad_() for leaf in leaves), engine=engine)
        results.append([out, *torch.autograd.grad(out, leaves, upstream.to(dtype))])
    # a texel's gradient is a sum of up to a thousand numbers of either sign
    for found, expected, tolerance in zip(*results, (1e-6, 1e-5, 1e-6), strict=True):
        assert found.shape == expected.shape
        assert (found - expected).abs().max() <= tolerance * expected.abs().max()


@engines
@pytest.mark.parametrize("size", [1, 4, 256])
def test_borders_read_half_a_texel_and_what_is_outside_reads_zeros_without_gradient(engine: str, size: int) -> None:
    beyond = 1 + 1.5 / size  # the last texel's reach ends at 1 + 1 / size
    values = [1.0, -1.0, beyond, -beyond, 1e30, -1e30, math.inf, -math.inf]
    middle = 1 / size if size % 2 == 0 else 0.0  # a texel's centre
    points = torch.tensor([[value, middle, middle] for value in values], requires_grad=True)
    planes = torch.ones(3, 2, size, size, requires_grad=True)
    out = sample_planes(planes, points, engine=engine)
    # x is read in two planes of three: half of each at a border; the third plane reads (z, y), inside
    expected = torch.tensor([2 / 3] * 2 + [1 / 3] * 6)[:, None].expand(-1, 2)
    torch.testing.assert_close(out, expected)
    out.sum().backward()
    slope = size / 2 * 2 / 3 * 2  # texels a unit, two planes of three, two channels
    torch.testing.assert_close(points.grad[:, 0], torch.tensor([-slope, slope] + [0.0] * 6))
    assert planes.grad[0].sum().item() == pytest.approx(2 * 2 * 0.5 / 3)
    assert torch.isfinite(planes.grad).all()


@engines
def test_on_a_texels_centre_the_upper_side_gives_the_slope(engine: str) -> None:
    planes = torch.zeros(3, 1, 4, 4)
    planes[0, 0, 1] = torch.tensor([0.0, 1.0, 5.0, 7.0])
    points = torch.tensor([[-0.25, -0.25, 0.0]], requires_grad=True)
    out = sample_planes(planes, points, engine=engine)
    out.sum().backward()
    assert out.item() == pytest.approx(1 / 3)
    torch.testing.assert_close(points.grad, torch.tensor([[(5 - 1) * 2 / 3, (0 - 1) * 2 / 3, 0.0]]))


def test_gradcheck_of_the_twin() -> None:
    planes, points, _ = made(2, 3, count=6)
    inputs = (planes.double().requires_grad_(), points.double().requires_grad_())
    assert torch.autograd.gradcheck(lambda *leaves: sample_planes(*leaves, engine="torch"), inputs)


@pytest.mark.parametrize(("channels", "size"), [(5, 6), (32, 16)])
def test_gradients_of_c_are_its_finite_differences(channels: int, size: int) -> None:
    planes, _, upstream = made(channels, size, count=40)
    generator = torch.Generator().manual_seed(1)
    cells = torch.randint(-1, size, (40, 3), generator=generator) + 0.3 + 0.4 * torch.rand(40, 3, generator=generator)
    points = (cells + 0.5) * 2 / size - 1  # a quarter of a texel away from any change of slope

    def value(planes: Tensor, points: Tensor) -> Tensor:
        return (sample_planes(planes, points, engine="cpu") * upstream).sum(dim=1).double()

    leaves = [planes.requires_grad_(), points.requires_grad_()]
    grad_planes, grad_points = torch.autograd.grad(value(*leaves).sum(), leaves)
    step = 0.5 / size  # the function is linear between centres
    with torch.no_grad():
        for axis in range(3):
            move = torch.zeros(3)
            move[axis] = step
            slope = (value(planes, points + move) - value(planes, points - move)) / (2 * step)
            torch.testing.assert_close(grad_points[:, axis].double(), slope, rtol=1e-4, atol=1e-4 * size)
        direction = torch.randn(planes.shape, generator=generator)
        change = (value(planes + direction, points) - value(planes, points)).sum().item()
    assert (grad_planes.double() * direction).sum().item() == pytest.approx(change, rel=1e-4)


@engines
@pytest.mark.parametrize("count", [0, 1, 127, 129])
def test_any_number_of_points(engine: str, count: int) -> None:
    planes, points, _ = made(33, 9, count, reach=0.8)
    leaves = [torch.ones_like(planes).requires_grad_(), points.requires_grad_()]
    out = sample_planes(*leaves, engine=engine)
    torch.testing.assert_close(out, torch.ones(count, 33))
    out.sum().backward()
    assert leaves[1].grad.shape == (count, 3)
    # the weights of a point sum to one
    assert leaves[0].grad.sum().item() == pytest.approx(33 * count, rel=1e-5)


def test_only_what_needs_a_gradient_gets_one() -> None:
    planes, points, upstream = made(20, 6)
    leaves = [planes.requires_grad_(), points.requires_grad_()]
    both = torch.autograd.grad(sample_planes(*leaves, engine="cpu"), leaves, upstream)
    for index, (first, second) in enumerate(((planes, points.detach()), (planes.detach(), points))):
        (alone,) = torch.autograd.grad(sample_planes(first, second, engine="cpu"), leaves[index], upstream)
        assert torch.equal(alone, both[index])
    assert not sample_planes(planes.detach(), points.detach(), engine="cpu").requires_grad


def test_any_layout_of_the_arguments_gives_the_same_bits_and_a_gradient_in_the_layout_of_the_planes() -> None:
    planes, points, _ = made(24, 10)
    wide = torch.zeros(3, 24, 10, 20)
    wide[..., ::2] = planes
    layouts = (planes, planes.contiguous(memory_format=torch.channels_last), wide[..., ::2])
    found = []
    for given, place in zip(layouts, (points, points.T.contiguous().T, points), strict=True):
        leaves = [given.detach().requires_grad_(), place.detach().requires_grad_()]
        out = sample_planes(*leaves, engine="cpu")
        out.backward(torch.ones(24).expand_as(out))
        found.append([out.detach(), leaves[0].grad, leaves[1].grad])
        (grad,) = torch.autograd.grad(sample_planes(*leaves, engine="cpu").sum(), leaves[0])
        assert grad.is_contiguous() or grad.is_contiguous(memory_format=torch.channels_last)
        assert grad.is_contiguous(memory_format=torch.channels_last) == (given is layouts[1])
    for other in found[1:]:
        assert all(torch.equal(one, same) for one, same in zip(found[0], other, strict=True))


@formats
def test_same_bits_for_any_number_of_threads_and_in_every_run(form: torch.memory_format) -> None:
    planes, points, upstream = made(40, 16, count=5000)
    threads = torch.get_num_threads()
    found = []
    for count in (1, 2, 3, 3, 16):
        torch.set_num_threads(count)
        leaves = [planes.clone(memory_format=form).requires_grad_(), points.clone().requires_grad_()]
        out = sample_planes(*leaves, engine="cpu")
        found.append([out, *torch.autograd.grad(out, leaves, upstream)])
    torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(one, same) for one, same in zip(found[0], other, strict=True))


@engines
def test_nan_is_an_error_that_names_the_argument(engine: str) -> None:
    planes, points, _ = made(4, 4, count=300)
    points[299, 1] = float("nan")
    with pytest.raises(InputError, match="points contain NaN"):
        sample_planes(planes, points, engine=engine)


def test_wrong_shapes_and_values_are_named() -> None:
    planes, points, _ = made(4, 4, count=5)
    for wrong in (planes[:2], planes[:, :, 1:], planes[0], planes[:, :0]):
        with pytest.raises(InputError, match=r"planes have shape .*, expected \(3, channels, size, size\)"):
            sample_planes(wrong, points, engine="auto")
    with pytest.raises(InputError, match=r"points have shape \(5, 2\), expected \(n, 3\)"):
        sample_planes(planes, points[:, :2], engine="auto")
    with pytest.raises(InputError, match=r"planes and points must share dtype and device, but are torch\.float32"):
        sample_planes(planes, points.double(), engine="auto")
    with pytest.raises(InputError, match="engine=fast is unknown"):
        sample_planes(planes, points, engine="fast")


def test_double_precision_goes_to_the_twin_or_is_refused() -> None:
    planes, points, _ = made(4, 4, count=5)
    assert sample_planes(planes.double(), points.double(), engine="auto").dtype == torch.float64
    with pytest.raises(InputError, match="engine=cpu takes float32"):
        sample_planes(planes.double(), points.double(), engine="cpu")
