"""The C path of structural similarity: `engines/cpu/ssim.c` behind an autograd function; float32 on the CPU."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.engines.ssim.base import HALF, LUMINANCE, STRUCTURE, taps


class _Ssim(ctypes.Structure):
    _fields_ = (
        ("height", ctypes.c_int64),
        ("row", ctypes.c_int64),
        ("channels", ctypes.c_int64),
        ("taps", ctypes.c_float * (HALF + 1)),
        ("luminance", ctypes.c_float),
        ("structure", ctypes.c_float),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    library = build.load("ssim")
    library.tfg_ssim.restype = ctypes.c_double
    return library


class _Similarity(torch.autograd.Function):
    """The gradient is found together with the value: both need the same blurred maps."""

    @staticmethod
    def forward(ctx: Any, rendered: Tensor, truth: Tensor) -> Tensor:
        x, y = rendered.contiguous(), truth.contiguous()
        height, width, channels = x.shape
        task = _Ssim(height, width * channels, channels, (ctypes.c_float * (HALF + 1))(*taps()), LUMINANCE, STRUCTURE)
        grad = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        slopes = None if grad is None else x.new_empty(3, *x.shape)
        sums = torch.empty(height, dtype=torch.float64)
        similarity = _library().tfg_ssim(ctypes.byref(task), *map(build.pointer, (x, y, slopes, sums, grad)))
        ctx.save_for_backward(grad)
        return x.new_tensor(similarity)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, None]:
        (grad,) = ctx.saved_tensors
        return upstream * grad, None


def ssim(rendered: Tensor, truth: Tensor) -> Tensor:
    """() as `twin.ssim`, up to rounding."""
    return _Similarity.apply(rendered, truth)
