"""How the face moves when lips and chin move: their motion, spread smoothly over what lies around them. Nothing in it is learned."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.engines.field import WarpTable, in_front
from tfg.landmarks import EYE_CORNERS, LIP_CHANNELS, LIPS_AND_CHIN, NOSE_BRIDGE, NOSTRILS, TEMPLES

WIDTH = 0.25  # head units, of the Gaussian kernel
_SMOOTH = 1e-2  # added to the kernel's diagonal: landmarks are read with an error
_HELD = (*TEMPLES, *NOSE_BRIDGE, *NOSTRILS, *EYE_CORNERS)  # stay where they are
_BACK, _EDGE = 0.6, 0.08  # head units: depth from which nothing moves, and how softly that begins
_CELLS = 64  # nodes along an axis of the table that `rest` reads
_REACH = 4.0  # kernel widths that the table reaches beyond the landmarks
_ROUNDS = 20  # of the damped fixed point r = x - d(r)
_DAMPING = 0.6


class LipWarp(nn.Module):
    """Interpolation by radial basis functions in the frontal plane, from the landmarks that speech moves and others that it holds."""

    centres: Tensor  # (k, 2) head x, y of the moved landmarks, then of the held ones
    solution: Tensor  # (k, moved): kernel weights of a unit motion of each
    std: Tensor  # (LIP_CHANNELS,) head units, what normalised lip motion was divided by

    def __init__(self) -> None:
        super().__init__()
        count = len(LIPS_AND_CHIN) + len(_HELD)
        self.register_buffer("centres", torch.zeros(count, 2))
        self.register_buffer("solution", torch.zeros(count, len(LIPS_AND_CHIN)))
        self.register_buffer("std", torch.ones(LIP_CHANNELS))

    def place(self, shape: Tensor, motion: Tensor) -> None:
        """For a face shape (68, 3) and the training part's lip motion (n, LIP_CHANNELS), both in head units."""
        self.centres.copy_(shape[[*LIPS_AND_CHIN, *_HELD], :2])
        kernel = self._kernel(self.centres) + _SMOOTH * torch.eye(len(self.centres))
        self.solution.copy_(torch.linalg.inv(kernel)[:, : len(LIPS_AND_CHIN)])
        std = motion.std(dim=0, unbiased=False)
        self.std.copy_(torch.where(std > 1e-6, std, 1.0))

    def forward(self, points: Tensor, motion: Tensor) -> Tensor:
        """points (n, 3) in head space, normalised lip motion (LIP_CHANNELS,) -> (n, 3) head units, against the mean mouth."""
        return self.moved(self.spread(points), motion)

    def spread(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Of points (n, 3): how much every landmark's kernel reaches each, (n, k), and how far each is in front, (n, 1)."""
        return self._kernel(points[:, :2]), in_front(points, _BACK, _EDGE)

    def moved(self, spread: tuple[Tensor, Tensor], motion: Tensor) -> Tensor:
        """As `forward`, of points whose `spread` is known."""
        kernel, front = spread
        return F.pad(kernel @ self._weights(motion) * front, (0, 1))

    @torch.no_grad()
    def table(self, motion: Tensor, scale: float = 1.0) -> WarpTable:
        """The way back: of `table.rest`, r + forward(r) = point for normalised lip motion (LIP_CHANNELS,), off by less than 0.001 head
        units on average. `scale`: of its points, in head units."""
        low, high = self.centres.amin(dim=0) - _REACH * WIDTH, self.centres.amax(dim=0) + _REACH * WIDTH
        steps = torch.linspace(0, 1, _CELLS, device=low.device)
        x, y = (low + (high - low) * steps[:, None]).unbind(dim=1)
        along, down = (
            torch.exp((axis[:, None] - centres).square() / (-2 * WIDTH**2))
            for axis, centres in ((x, self.centres[:, 0]), (y, self.centres[:, 1]))
        )  # the kernel of a plane is the product of its axes' kernels
        forth = torch.einsum("yk,kc,xk->cyx", down, self._weights(motion), along).permute(1, 2, 0).contiguous()
        nodes = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).view(-1, 2)
        made = WarpTable(
            back=forth, forth=forth, low=low, high=high, depth=_BACK, edge=_EDGE, damping=_DAMPING, scale=scale
        )
        back = forth.view(-1, 2)
        for _ in range(_ROUNDS):
            back = torch.lerp(back, made.sampled(forth, nodes - back), _DAMPING)
        return replace(made, back=back.view(_CELLS, _CELLS, 2))

    def _weights(self, motion: Tensor) -> Tensor:
        """Kernel weights (k, 2) of normalised lip motion (LIP_CHANNELS,)."""
        return self.solution @ (motion * self.std).view(len(LIPS_AND_CHIN), 2)

    def _kernel(self, places: Tensor) -> Tensor:
        """(n, 2) -> (n, k)."""
        across, down = ((places[:, axis, None] - self.centres[:, axis]).square_() for axis in (0, 1))
        return across.add_(down).mul_(-0.5 / WIDTH**2).exp_()
