"""Fused perceptrons: the C path against torch in double precision, at every shape its tiles must pad."""

import pytest
import torch
from perceptron_nets import Net, differentiated, net
from torch import Tensor

from tfg.engines import mlp
from tfg.types import InputError


def run(given: Net, engine: str, dtype: torch.dtype) -> list[Tensor]:
    return differentiated(given, lambda x, weights: mlp(x, weights, engine), dtype)


@pytest.mark.parametrize("rows", [0, 1, 47, 48, 49, 2000])
@pytest.mark.parametrize("widths", [(36, 64, 32), (75, 64, 64, 65), (3, 2), (1, 1, 1), (17, 16, 33, 7)])
def test_c_equals_torch_in_double(widths: tuple[int, ...], rows: int) -> None:
    given = net(*widths, rows=rows)
    for found, expected in zip(run(given, "cpu", torch.float32), run(given, "torch", torch.float64), strict=True):
        # float32 sums of up to 2000 rows
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5 * max(1, rows) ** 0.5)


def test_only_what_needs_a_gradient_gets_one() -> None:
    x, weights, upstream = net(5, 8, 3, rows=100)
    mlp(x.requires_grad_(), weights, "cpu").backward(upstream)
    assert x.grad is not None
    other = x.detach()
    learned = [weight.clone().requires_grad_() for weight in weights]
    mlp(other, learned, "cpu").backward(upstream)
    assert all(weight.grad is not None for weight in learned)
    assert not mlp(other, weights, "cpu").requires_grad


def test_same_bits_for_any_number_of_threads() -> None:
    given, threads, found = net(36, 64, 32, rows=5000), torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(run(given, "cpu", torch.float32))
    torch.set_num_threads(threads)
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


def test_a_net_too_wide_for_the_tiles_is_left_to_torch() -> None:
    x, weights, _ = net(600, 4, rows=10)
    torch.testing.assert_close(mlp(x, weights, "cpu"), x @ weights[0].T)


def test_gradcheck_in_double() -> None:
    x, weights, _ = net(3, 4, 2, rows=5)
    inputs = [values.double().requires_grad_() for values in (x, *weights)]
    assert torch.autograd.gradcheck(lambda first, *rest: mlp(first, rest), inputs)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(InputError, match=r"x has shape \(4, 3\)"):
        mlp(torch.rand(4, 3), [torch.rand(2, 5)])
