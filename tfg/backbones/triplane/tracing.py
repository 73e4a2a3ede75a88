"""The camera of a head: which rays belong to the pixels of a traced picture, all of it or some, and how far its surface is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tfg.backbones import rays
from tfg.backbones.frame import Frame, FrameTruth
from tfg.backbones.triplane.decoder import Decoder
from tfg.backbones.triplane.settings import Sampling
from tfg.backbones.triplane.volume import Traced, trace

_TOGETHER = 2**13  # rays: the memory of their samples is used again
_APART = 4  # pixels between the rays that look first where the head is
_FAINT = 1 / 255  # opacity below which a pixel is not the head's


@dataclass(frozen=True, kw_only=True)
class Tracer:
    """Traced pictures are `side` pixels wide, which is the heads' size or a half, a quarter ... of it."""

    side: int
    focal: float  # pixels of the traced picture
    sampling: Sampling
    engine: str

    def trace(self, planes: Tensor, decoder: Decoder, frame: Frame, pixels: Tensor, *, jittered: bool) -> Traced:
        """Rays through the centres of pixels (n,), row * side + column; `jittered`: samples lie anywhere in their intervals."""
        origins, directions = self._rays(frame, pixels)
        count = self.sampling.count
        jitter = torch.rand(len(pixels), count, device=pixels.device) if jittered else None
        return trace(planes, decoder, origins, directions, self.sampling, jitter, engine=self.engine)

    @torch.no_grad()
    def trace_all(self, planes: Tensor, decoder: Decoder, frame: Frame) -> Traced:
        """Every pixel in order; those are clear around which a fourth of the rows and columns meet nothing."""
        pixels = self._near_the_head(planes, decoder, frame)
        parts = [self.trace(planes, decoder, frame, some, jittered=False) for some in pixels.split(_TOGETHER)]
        made = []
        for name in ("color", "opacity", "depth"):
            values = torch.cat([getattr(part, name) for part in parts])
            made.append(values.new_zeros(self.side**2, *values.shape[1:]).index_copy_(0, pixels, values))
        return Traced(*made)

    def depth(self, traced: Traced, frame: Frame) -> Tensor:
        """(side, side) head units along the camera's axis of a picture traced in full; NaN where it is less than half opaque."""
        _, directions = self._rays(frame, torch.arange(self.side**2, device=traced.depth.device))
        along = traced.depth * (directions @ frame.rotation[2]) / rays.FIELD_SCALE
        return torch.where(traced.opacity >= 0.5, along, torch.nan).view(self.side, self.side)

    def reduced(self, frame: Frame, truth: FrameTruth) -> tuple[Frame, FrameTruth]:
        """A frame and its truth in the size of traced pictures."""
        while frame.size > self.side:
            frame, truth = frame.halved(), truth.halved()
        return frame, truth

    def _rays(self, frame: Frame, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return rays.camera_rays(frame.rotation, frame.translation, self.focal, self.side, pixels)

    def _near_the_head(self, planes: Tensor, decoder: Decoder, frame: Frame) -> Tensor:
        """(n,) ascending; at least one."""
        axis = torch.arange(0, self.side, _APART, device=planes.device)
        coarse = (axis[:, None] * self.side + axis).flatten()
        met = self.trace(planes, decoder, frame, coarse, jittered=False).opacity.view(1, 1, len(axis), len(axis))
        near = F.max_pool2d(met, 3, stride=1, padding=1)[0, 0] > _FAINT
        near = near.repeat_interleave(_APART, 0).repeat_interleave(_APART, 1)[: self.side, : self.side]
        return near.flatten().nonzero()[:, 0] if near.any() else coarse[:1]
