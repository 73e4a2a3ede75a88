"""The CUDA path of reading a tri-plane: Triton kernels behind an autograd function; float32."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from tfg.engines.planes.base import AXES

BLOCK = 32  # points of a program: a tile is BLOCK x channels


@functools.lru_cache(maxsize=8)
def _axes(device: torch.device) -> Tensor:
    """(3, 2) int64."""
    return torch.tensor(AXES, device=device)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, points: Tensor) -> Tensor:
        from tfg.engines.planes import triton

        points, texels = points.contiguous(), planes.permute(0, 2, 3, 1).contiguous()
        out = points.new_empty((len(points), planes.shape[1]))
        if len(points) > 0:
            triton.forward[_programs(points)](
                points, texels, out, _axes(points.device), len(points), planes.shape[2], **_sizes(planes)
            )
        ctx.save_for_backward(planes, points)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        from tfg.engines.planes import triton

        planes, points = ctx.saved_tensors
        to_planes, to_points = ctx.needs_input_grad
        texels = planes.permute(0, 2, 3, 1).contiguous()
        grad_texels = torch.zeros_like(texels) if to_planes else texels.new_empty(0)
        grad_points = torch.empty_like(points) if to_points else points.new_empty(0)
        if len(points) > 0:
            triton.backward[_programs(points)](
                points,
                texels,
                grad.contiguous(),
                grad_texels,
                grad_points,
                _axes(points.device),
                len(points),
                planes.shape[2],
                **_sizes(planes),
                TO_PLANES=to_planes,
                TO_POINTS=to_points,
            )
        return grad_texels.permute(0, 3, 1, 2) if to_planes else None, grad_points if to_points else None


def _programs(points: Tensor) -> tuple[int]:
    return (-(-len(points) // BLOCK),)


def _sizes(planes: Tensor) -> dict[str, int]:
    channels = planes.shape[1]
    return {"CHANNELS": channels, "PADDED": 1 << max(0, channels - 1).bit_length(), "BLOCK": BLOCK}


def sample(planes: Tensor, points: Tensor) -> Tensor:
    """As `twin.sample`, up to rounding. NaN points give zeros."""
    return _Sample.apply(planes, points)
