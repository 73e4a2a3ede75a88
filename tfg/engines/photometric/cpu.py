"""The C path of the photometric loss: `engines/cpu/photometric.c` behind an autograd function; float32 on the CPU."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.engines.photometric.base import HALF, LUMINANCE, STRUCTURE, Pictures, Terms, taps

_SUMS = 4  # SSIM, absolute, box, alpha: the order of the weights, and of a row's sums


class _Loss(ctypes.Structure):
    _fields_ = (
        *(
            (name, ctypes.c_int64)
            for name in ["height", "width", "channels", "top", "bottom", "left", "right", "veiled"]
        ),
        ("taps", ctypes.c_float * (HALF + 1)),
        ("luminance", ctypes.c_float),
        ("structure", ctypes.c_float),
        ("weights", ctypes.c_float * _SUMS),
    )


class _Given(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_void_p) for name in ["rendered", "truth", "shown", "backdrop", "alpha", "silhouette"]
    )


@functools.cache
def _library() -> ctypes.CDLL:
    library = build.load("photometric")
    library.tfg_photometric.restype = ctypes.c_double
    return library


class _Photometric(torch.autograd.Function):
    """The gradient is found together with the value: both need the same blurred maps."""

    @staticmethod
    def forward(ctx: Any, terms: Terms, pictures: Pictures, rendered: Tensor, alpha: Tensor | None) -> Tensor:
        height, width, channels = rendered.shape
        rows, columns = pictures.box or (slice(0, 0), slice(0, 0))
        task = _Loss(
            height,
            width,
            channels,
            *(rows.start, rows.stop, columns.start, columns.stop),
            pictures.veiled and pictures.shown is not None,
            (ctypes.c_float * (HALF + 1))(*taps()),
            LUMINANCE,
            STRUCTURE,
            (ctypes.c_float * _SUMS)(terms.dissimilarity, terms.absolute, terms.box, terms.alpha),
        )
        given = [
            None if values is None else values.contiguous()
            for values in (rendered, pictures.truth, pictures.shown, pictures.backdrop, alpha, pictures.silhouette)
        ]
        grad, grad_alpha = (
            torch.empty_like(values) if values is not None and needed else None
            for values, needed in zip((given[0], given[4]), ctx.needs_input_grad[2:], strict=True)
        )
        sums = torch.empty(height, _SUMS, dtype=torch.float64)
        loss = _library().tfg_photometric(
            ctypes.byref(task),
            ctypes.byref(_Given(*map(build.pointer, given))),
            *map(build.pointer, (sums, grad, grad_alpha)),
        )
        ctx.save_for_backward(grad, grad_alpha)
        return rendered.new_tensor(loss)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        grads = ctx.saved_tensors
        if upstream != 1:  # a pass over the picture that most steps need not make
            grads = [None if grad is None else upstream * grad for grad in grads]
        return None, None, *grads


def photometric(pictures: Pictures, terms: Terms) -> Tensor:
    """() as `twin.photometric`, up to rounding."""
    return _Photometric.apply(terms, pictures, pictures.rendered, pictures.alpha)
