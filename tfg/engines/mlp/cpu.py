"""The C path of small perceptrons: `engines/cpu/mlp.c` behind an autograd function; float32 on the CPU."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tfg.engines.cpu import build

MOST_LAYERS, WIDEST = 8, 512  # as in mlp.c


class _Mlp(ctypes.Structure):
    _fields_ = (
        ("layers", ctypes.c_int64),
        ("width", ctypes.c_int64 * (MOST_LAYERS + 1)),
        ("weight", ctypes.c_void_p * MOST_LAYERS),
    )


def fits(weights: Sequence[Tensor]) -> bool:
    """Whether the C path takes nets of this size."""
    return len(weights) <= MOST_LAYERS and all(max(weight.shape) <= WIDEST for weight in weights)


def _describe(weights: Sequence[Tensor]) -> _Mlp:
    widths = [weights[0].shape[1], *(weight.shape[0] for weight in weights)]
    pointers = [weight.data_ptr() for weight in weights]
    return _Mlp(len(weights), (ctypes.c_int64 * (MOST_LAYERS + 1))(*widths), (ctypes.c_void_p * MOST_LAYERS)(*pointers))


class _Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keep: bool, x: Tensor, *weights: Tensor) -> Tensor:
        x, weights = x.contiguous(), tuple(weight.contiguous() for weight in weights)
        net, rows = _describe(weights), ctypes.c_int64(len(x))
        library = build.load("mlp")
        library.tfg_mlp_hidden_size.restype = ctypes.c_int64
        hidden = None
        if keep:
            hidden = torch.empty(library.tfg_mlp_hidden_size(ctypes.byref(net), rows))
        out = torch.empty((len(x), len(weights[-1])))
        library.tfg_mlp_forward(ctypes.byref(net), build.pointer(x), rows, build.pointer(hidden), build.pointer(out))
        ctx.save_for_backward(x, hidden, *weights)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, hidden, *weights = ctx.saved_tensors
        grad, net = grad.contiguous(), _describe(weights)
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[1] else None
        grad_weights: list[Tensor] | list[None] = [None] * len(weights)
        pointers = None
        if any(ctx.needs_input_grad[2:]):
            made = grad_weights = [torch.empty_like(weight) for weight in weights]
            pointers = (ctypes.c_void_p * MOST_LAYERS)(*(grad.data_ptr() for grad in made))
        build.load("mlp").tfg_mlp_backward(
            ctypes.byref(net),
            build.pointer(x),
            ctypes.c_int64(len(x)),
            build.pointer(hidden),
            build.pointer(grad),
            build.pointer(grad_x),
            pointers,
        )
        return None, grad_x, *grad_weights


def mlp(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """(n, outputs) of x (n, inputs)."""
    keep = torch.is_grad_enabled() and any(values.requires_grad for values in (x, *weights))
    return _Forward.apply(keep, x, *weights)
