"""Perceptrons on a CUDA device: torch's own products, and tiny-cuda-nn where it is installed, by the contract of its stand-in."""

from __future__ import annotations

import importlib.util

import perceptron_nets as nets
import pytest
import torch

from tfg.backbones.layers import MLP
from tfg.engines import mlp

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
tiny_cuda_nn = pytest.mark.skipif(
    importlib.util.find_spec("tinycudann") is None, reason="tiny-cuda-nn is not installed"
)
ROWS = [1, 256, 700, 100_000]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("widths", nets.SHAPES, ids=str)
def test_cuda_equals_the_c_engine(widths: tuple[int, ...], rows: int) -> None:
    given = nets.net(*widths, rows=rows)
    found = nets.differentiated(given, lambda x, weights: mlp(x, weights, "cuda"), torch.float32, "cuda")
    expected = nets.differentiated(given, lambda x, weights: mlp(x, weights, "cpu"), torch.float32)
    for index, (mine, true) in enumerate(zip(found, expected, strict=True)):
        far = float((mine.cpu() - true).norm() / true.norm())
        assert far <= (1e-3 if index else 1e-5), index  # a gradient changes where a unit is at 0 but for rounding


@tiny_cuda_nn
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("widths", nets.SHAPES, ids=str)
def test_tiny_cuda_nn_is_the_twins_function_in_float16(widths: tuple[int, ...], rows: int) -> None:
    nets.check_half(nets.net(*widths, rows=rows), lambda x, weights: mlp(x, weights, "tinycudann"), "cuda")


@tiny_cuda_nn
def test_calls_with_and_without_a_gradient_of_the_input_and_of_other_sizes_do_not_disturb_each_other() -> None:
    _, weights, _ = nets.net(36, 64, 32, rows=1)
    learned = [weight.cuda().requires_grad_() for weight in weights]
    found = []
    for rows, needs in ((1000, True), (3000, False), (500, True), (4000, False)):
        x = nets.net(36, 64, 32, rows=rows, seed=rows)[0].cuda().requires_grad_(needs)
        for engine in ("tinycudann", "torch"):
            gradients = torch.autograd.grad(mlp(x, learned, engine).square().mean(), learned)
            found.append(torch.cat([gradient.flatten() for gradient in gradients]))
    for mine, true in zip(found[::2], found[1::2], strict=True):
        assert float((mine - true).norm() / true.norm()) <= nets.MIXED[1]


@tiny_cuda_nn
def test_a_module_has_no_parameters_but_its_own() -> None:
    module = MLP(5, 8, 3, engine="tinycudann").cuda()
    module(torch.rand(10, 5, device="cuda")).sum().backward()
    assert list(module.state_dict()) == ["layers.0.weight", "layers.1.weight"]
    assert all(parameter.grad is not None for parameter in module.parameters())
