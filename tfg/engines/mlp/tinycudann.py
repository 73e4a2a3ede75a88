"""Perceptrons by tiny-cuda-nn: weights, inputs and outputs in float32 here, arithmetic in float16 there.

What is relied on, of the repository NVlabs/tiny-cuda-nn, by file and commit:

- `Network.forward` casts its `params` to the network's precision, fills the rows up and cuts the output back; the gradient
  that arrives is multiplied by `loss_scale`, those that leave are divided by it, in that precision (645c596,
  bindings/torch/tinycudann/modules.py). It is set to 1 and the same done here in float32: the gradient of a mean over 65,536 rays
  lies below float16's normal numbers.
- A `Network` is an identity encoding and the net (087d07c, src/cpp_api.cu; 10009ab, network_with_input_encoding.h). The encoding
  fills the inputs up with ones (327b369, encodings/identity.h): columns of the padding must be 0, or they are a bias.
- `params` are the matrices one after the other, each (out, in) row by row: (width, inputs), (width, width) ..., (outputs, width),
  inputs and outputs rounded up to 16 (49c1b52, src/fully_fused_mlp.cu, src/network.cu; 03b8db4, src/cutlass_mlp.cu; 07bacc5,
  include/tiny-cuda-nn/networks/cutlass_mlp.h).
- FullyFusedMLP has 16, 32, 64 or 128 units in all its hidden layers, of which there is at least one, and keeps its first matrix
  in shared memory; CutlassMLP has any number. Neither has a bias; both have ReLU between and nothing at the end (the same files).

A hidden layer that is narrower gets units whose weights are all 0: they are 0 and pass nothing on, so every net that `mlp` takes is
the same function there. None of this has run on a card; tests/gpu/test_mlp_cuda.py is its check.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tfg.engines.mlp import twin
from tfg.types import InputError

ALIGNMENT = 16
FUSED_WIDTHS = (16, 32, 64, 128)
SHARED_BYTES = 64 * 1024  # of a block on the smallest card with a fully fused net (compute capability 7.5)

GRADIENT_SUM = (
    4096.0  # of the absolute gradients that enter a net, at most: a weight's gradient, a part of it, fits float16
)
GRADIENT_MOST = 16.0  # of one of them, at most: the layers before may enlarge it four thousand times

_ONE_AT_A_TIME = threading.Lock()  # a network holds the weights of one call while it is called


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a net lies in tiny-cuda-nn's parameters."""

    inputs: int
    outputs: int
    hidden: int  # layers
    width: int  # units of each
    fused: bool  # FullyFusedMLP, else CutlassMLP

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(out, in) of each matrix."""
        widths = [_rounded(self.inputs), *[self.width] * self.hidden, _rounded(self.outputs)]
        return [(out, inner) for inner, out in itertools.pairwise(widths)]


def layout(weights: Sequence[Tensor]) -> Layout:
    """Of `weights`, each (out, in): fully fused where such a network has the width, by CUTLASS where not."""
    inputs, widest = weights[0].shape[1], max((len(weight) for weight in weights[:-1]), default=ALIGNMENT)
    width = next((width for width in FUSED_WIDTHS if width >= widest), _rounded(widest))
    first = 2 * (width + ALIGNMENT) * (_rounded(inputs) + 8)  # bytes of mlp_fused_forward
    fused = len(weights) > 1 and width in FUSED_WIDTHS and first <= SHARED_BYTES
    return Layout(inputs=inputs, outputs=len(weights[-1]), hidden=len(weights) - 1, width=width, fused=fused)


def pack(weights: Sequence[Tensor], into: Layout) -> Tensor:
    """(num_params,) with zeros where the padding is; what differentiates it brings each weight its own gradient."""
    padded = [
        nn.functional.pad(weight, (0, inner - weight.shape[1], 0, out - weight.shape[0]))
        for weight, (out, inner) in zip(weights, into.shapes, strict=True)
    ]
    return torch.cat([matrix.flatten() for matrix in padded])


def mlp(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """(n, outputs) of x (n, inputs), on the current CUDA device; beyond 65504 values are infinite."""
    if len(x) == 0:
        return twin.mlp(x, weights)  # no row to launch a kernel for
    of_net = layout(weights)
    flat = pack(weights, of_net)
    with _ONE_AT_A_TIME:
        network = _network(of_net, torch.is_grad_enabled() and x.requires_grad)
        if network.params.shape != flat.shape:
            raise InputError(
                f"engine=tinycudann: {of_net} has {network.params.numel()} parameters in this tiny-cuda-nn and {flat.numel()} here: "
                "its layout has changed; use engine=cuda"
            )
        scale = _Scale()
        given = {"params": _Reduced.apply(flat, scale)}
        out = torch.func.functional_call(network, given, (_Reduced.apply(x, scale),))
    return _Enlarged.apply(out.to(x.dtype), scale)


class _Scale:
    """By what the gradients of one call are enlarged."""

    value: Tensor  # (), known when they go back


class _Enlarged(torch.autograd.Function):
    """Where gradients enter the net, in float32."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, scale: _Scale) -> Tensor:
        ctx.scale = scale
        return values.view_as(values)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        size = grad.abs()
        too_large = torch.maximum(size.sum() / GRADIENT_SUM, size.amax() / GRADIENT_MOST)
        ctx.scale.value = 1 / too_large.clamp_min(torch.finfo(grad.dtype).tiny)
        return grad * ctx.scale.value, None


class _Reduced(torch.autograd.Function):
    """Where they leave it, in float32."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, scale: _Scale) -> Tensor:
        ctx.scale = scale
        return values.view_as(values)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad / ctx.scale.value, None


@functools.lru_cache(maxsize=64)
def _network(of_net: Layout, gradient_of_input: bool) -> Any:
    """One for all nets of a layout: each call brings its weights, so none is kept or saved here.

    `gradient_of_input` tells apart those that are asked for it, for a network keeps the buffer of that gradient, of the size of its
    last call, and fills it in every backward pass from then on (10009ab, network_with_input_encoding.h).
    """
    try:
        import tinycudann
    except (ImportError, OSError) as error:  # OSError: built for another card
        raise InputError(f"engine=tinycudann: tiny-cuda-nn does not load ({error}); use engine=cuda") from error
    config = {
        "otype": "FullyFusedMLP" if of_net.fused else "CutlassMLP",
        "activation": "ReLU",
        "output_activation": "None",
        "n_neurons": of_net.width,
        "n_hidden_layers": of_net.hidden,
    }
    network = tinycudann.Network(of_net.inputs, of_net.outputs, config)
    network.loss_scale = 1.0
    return network


def _rounded(width: int) -> int:
    return -(-width // ALIGNMENT) * ALIGNMENT
