"""Nets for the tests of perceptrons, and what tiny-cuda-nn must compute of them, on a card or in its stand-in. Holds no tests."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tfg.engines.mlp import twin

Net = tuple[Tensor, list[Tensor], Tensor]
# Of the norm. A unit that rounding moves to ReLU's other side changes a row's gradient by a part of itself: 2 to 3 % in all where
# the signs are mixed. Where all is positive none does, and float16 alone is left.
MIXED, POSITIVE = (5e-3, 0.1), (5e-3, 5e-3)  # values, gradients
# Of the backbones (attention, motion, density and colour), a padded and a bare one, one too wide and one too broad to be fused.
SHAPES = [
    (36, 32, 32),
    (75, 32, 32, 10),
    (75, 64, 64, 65),
    (96, 64, 3),
    (17, 20, 33, 7),
    (5, 3),
    (40, 200, 200, 4),
    (600, 64, 2),
]
SHRUNK = 1e-7  # of an upstream gradient: that of a mean over a picture's rays


def net(*widths: int, rows: int, seed: int = 0) -> Net:
    """Input, weights and an upstream gradient; values keep away from 0, where a ReLU may fall on either side."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, widths[0], generator=generator)
    pairs = itertools.pairwise(widths)
    weights = [torch.randn(outputs, inputs, generator=generator) / inputs**0.5 for inputs, outputs in pairs]
    return x, weights, torch.randn(rows, widths[-1], generator=generator)


def differentiated(
    given: Net, call: Callable[[Tensor, Sequence[Tensor]], Tensor], dtype: torch.dtype, device: str = "cpu"
) -> list[Tensor]:
    """The output, and the gradients of the input and of each weight."""
    x, weights, upstream = given
    leaves = [values.to(device, dtype).clone().requires_grad_() for values in (x, *weights)]
    out = call(leaves[0], leaves[1:])
    out.backward(upstream.to(device, dtype))
    return [out.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def check_half(given: Net, call: Callable[[Tensor, Sequence[Tensor]], Tensor], device: str) -> None:
    """`call` is the net of the definition, values and gradients, but for float16; gradients too that are small beside it."""
    x, weights, upstream = given
    positive = x.abs(), [weight.abs() for weight in weights], upstream.abs()
    for (x, weights, upstream), most in ((given, MIXED), (positive, POSITIVE)):
        expected = differentiated((x, weights, upstream), twin.mlp, torch.float64)
        for shrink in (1.0, SHRUNK):
            found = differentiated((x, weights, upstream * shrink), call, torch.float32, device)
            assert all(values.dtype == torch.float32 for values in found)
            for index, (mine, true) in enumerate(zip(found, expected, strict=True)):
                wanted = true * shrink if index else true
                far = float((mine.cpu().double() - wanted).norm() / wanted.norm())
                assert far <= most[index > 0], (index, shrink, far)
