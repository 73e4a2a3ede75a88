"""The C path of reading a tri-plane: `engines/cpu/planes.c` behind an autograd function; float32 on the CPU.

The C reads a texel's channels from one place, so planes in torch's `channels_last` format are read where they lie and others
are copied in each call; their gradient comes in the format that they have.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.engines.planes.base import AXES
from tfg.types import InputError

CHUNK = 16  # channels of a task of the planes' gradient, as in the C


class _Planes(ctypes.Structure):
    _fields_ = (("channels", ctypes.c_int64), ("size", ctypes.c_int64), ("axes", ctypes.c_int32 * 6))


def _described(planes: Tensor) -> _Planes:
    axes = (ctypes.c_int32 * 6)(*(axis for plane in AXES for axis in plane))
    return _Planes(planes.shape[1], planes.shape[2], axes)


def _texels(planes: Tensor) -> Tensor:
    """(3, size, size, channels), contiguous: a view where the planes are `channels_last`."""
    return planes.permute(0, 2, 3, 1).contiguous()


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, points: Tensor) -> Tensor:
        points, texels = points.contiguous(), _texels(planes)
        out = torch.empty((len(points), planes.shape[1]))
        if build.load("planes").tfg_planes_forward(
            ctypes.byref(_described(planes)),
            build.pointer(points),
            ctypes.c_int64(len(points)),
            build.pointer(texels),
            build.pointer(out),
        ):
            raise InputError("points contain NaN")
        ctx.save_for_backward(planes, points)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        planes, points = ctx.saved_tensors
        grad = grad.contiguous()
        library, described = build.load("planes"), _described(planes)
        given = (ctypes.byref(described), build.pointer(points), ctypes.c_int64(len(points)))
        grad_planes, grad_points = None, None
        if ctx.needs_input_grad[0]:
            last = planes.is_contiguous(memory_format=torch.channels_last)
            form = torch.channels_last if last else torch.contiguous_format
            grad_planes = torch.empty_like(planes, memory_format=form)
            tasks = 3 * -(-planes.shape[1] // CHUNK)
            threads = min(torch.get_num_threads(), tasks)
            sums = torch.empty((threads, planes.shape[2] * planes.shape[3], CHUNK))
            library.tfg_planes_backward_planes(
                *given,
                build.pointer(grad),
                build.pointer(grad_planes),
                ctypes.c_int32(last),
                build.pointer(sums),
                ctypes.c_int64(threads),
            )
        if ctx.needs_input_grad[1]:
            grad_points, texels = torch.empty_like(points), _texels(planes)
            library.tfg_planes_backward_points(
                *given, build.pointer(texels), build.pointer(grad), build.pointer(grad_points)
            )
        return grad_planes, grad_points


def sample(planes: Tensor, points: Tensor) -> Tensor:
    """As `twin.sample`, up to rounding."""
    return _Sample.apply(planes, points)
