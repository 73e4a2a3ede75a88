"""What tiny-cuda-nn documents of `Network`, on the CPU: padding, flat parameters, float16. Sources: tfg/engines/mlp/tinycudann.py."""

from __future__ import annotations

import functools
import itertools
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tfg.engines.mlp import tinycudann

ALIGNMENT, GRANULARITY, LOSS_SCALE = 16, 256, 128.0


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the package's place; tensors lie on the CPU."""
    monkeypatch.setitem(sys.modules, "tinycudann", sys.modules[__name__])
    monkeypatch.setattr(tinycudann, "_network", functools.cache(tinycudann._network.__wrapped__))


class Network(nn.Module):
    """Takes (n, inputs) float32, gives (n, outputs) float16; learns `params`, float32."""

    def __init__(self, n_input_dims: int, n_output_dims: int, network_config: dict[str, Any], seed: int = 1337) -> None:
        super().__init__()
        assert (network_config["activation"], network_config["output_activation"]) == ("ReLU", "None")
        width, hidden = network_config["n_neurons"], network_config["n_hidden_layers"]
        if network_config["otype"] == "FullyFusedMLP":
            assert width in (16, 32, 64, 128)
            assert hidden > 0
        else:
            assert network_config["otype"] == "CutlassMLP"
            assert width % 8 == 0  # of CUTLASS in float16
        self.n_input_dims, self.n_output_dims, self.loss_scale = n_input_dims, n_output_dims, LOSS_SCALE
        widths = (padded(n_input_dims, ALIGNMENT), *[width] * hidden, padded(n_output_dims, ALIGNMENT))
        self.shapes = [(out, inner) for inner, out in itertools.pairwise(widths)]
        size = sum(out * inner for out, inner in self.shapes)
        self.params = nn.Parameter(torch.rand(size, generator=torch.Generator().manual_seed(seed)))

    def forward(self, x: Tensor) -> Tensor:
        rows = padded(len(x), GRANULARITY) - len(x)
        inputs = nn.functional.pad(x, (0, 0, 0, rows)).to(torch.float32)
        out = _Native.apply(inputs, self.params.to(torch.half), self.shapes, self.loss_scale)
        return out[: len(x), : self.n_output_dims]


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, params: Tensor, shapes: list[tuple[int, int]], loss_scale: float) -> Tensor:
        assert len(x) > 0  # a kernel without blocks is an error
        assert len(x) % GRANULARITY == 0
        assert x.dtype == torch.float32
        ones = torch.ones(len(x), shapes[0][1] - x.shape[1], dtype=torch.half)
        layers, matrices = [torch.cat([x.half(), ones], dim=1)], matrices_of(params, shapes)
        for number, matrix in enumerate(matrices):
            made = product(layers[-1], matrix.T)
            layers.append(made if number == len(matrices) - 1 else made.relu())
        ctx.save_for_backward(params, *layers)
        ctx.shapes, ctx.loss_scale, ctx.inputs = shapes, loss_scale, x.shape[1]
        return layers[-1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        assert grad.dtype == torch.half
        params, *layers = ctx.saved_tensors
        grad = grad * ctx.loss_scale
        matrices, to_params = matrices_of(params, ctx.shapes), []
        for number in reversed(range(len(matrices))):
            to_params.append(product(grad.T, layers[number]).flatten())
            grad = product(grad, matrices[number])
            grad = grad * (layers[number] > 0) if number else grad
        of_inputs = grad[:, : ctx.inputs].float() / ctx.loss_scale
        return of_inputs, torch.cat(to_params[::-1]) / ctx.loss_scale, None, None


def matrices_of(params: Tensor, shapes: list[tuple[int, int]]) -> list[Tensor]:
    """(out, in) each."""
    parts = params.split([out * inner for out, inner in shapes])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def product(left: Tensor, right: Tensor) -> Tensor:
    """Rounded to float16 when it is done; a card rounds its sums too."""
    return (left.float() @ right.float()).half()


def padded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
