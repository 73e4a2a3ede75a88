"""A torso field: the picture behind the head, torso and wall with the head removed, from the head's pose alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from tfg.record.files import is_sealed, seal
from tfg.torso.settings import VERSION
from tfg.types import Bytes, Cameras, InputError, Portrait

UNIT = 0.1  # half pictures that a node moves at a weight of 1, so that one learning rate fits all
# Head units. The paper's three, ten times as far apart (its head is a tenth of ours), and the first in front of the others: points at
# one depth move alike when a head turns.
ANCHORS = ((0.1, 0.1, 0.0), (-1.0, -1.0, 1.5), (1.0, -1.0, 1.5))
_TOGETHER = 16  # frames drawn at once


class TorsoField(nn.Module):
    """A canonical picture, taken from places that a few nodes move with the pose.

    ER-NeRF, section "Torso", and SyncTalk: three learnable anchors are moved by the head's pose and projected; these six numbers
    condition a 2D field.
    Differs from the paper: the field is no pair of MLPs over a hash grid, asked for every pixel, but a picture and a motion that is
    linear in the six numbers, without their frequencies. It takes seconds on a CPU, not hours; and of the few poses of five seconds
    an MLP or frequencies learn what is true of them alone (docs/results.md).
    """

    mean: Tensor  # (6,) of the anchors' places at the training poses
    axes: Tensor  # (6, 6) columns: principal axes of these places, over the deviation along the first
    low: Tensor  # (6,) along the axes: poses beyond count as these
    high: Tensor  # (6,)

    def __init__(self, size: int, nodes: int) -> None:
        super().__init__()
        self.anchors = nn.Parameter(torch.tensor(ANCHORS))  # (3, 3) head space
        self.motion = nn.Parameter(torch.zeros(6, 2, nodes, nodes))  # x and y in UNIT half pictures for each axis
        self.canonical = nn.Parameter(torch.zeros(3, size, size))  # in [0, 1]: the picture at the mean pose
        self.register_buffer("axes", torch.eye(6))
        for name in ("mean", "low", "high"):
            self.register_buffer(name, torch.zeros(6))

    @property
    def size(self) -> int:
        return self.canonical.shape[-1]

    def place(self, rotation: Tensor, translation: Tensor) -> None:
        """Scale the six numbers to the training poses (n, 3, 3), (n, 3)."""
        with torch.no_grad():
            seen = self._projected(rotation, translation)
            self.mean.copy_(seen.mean(dim=0))
            # Along principal axes a pose is held within what was seen in every direction. Not whitened: of directions in which the
            # head hardly moved little is learned.
            _, deviations, axes = torch.linalg.svd(
                (seen - self.mean) / math.sqrt(len(seen)), full_matrices=len(seen) < 6
            )
            self.axes.copy_(axes.T / deviations[0].clamp(min=1e-6))
            along = (seen - self.mean) @ self.axes
            self.low.copy_(along.amin(dim=0))
            self.high.copy_(along.amax(dim=0))

    def adjust(self, strength: float, reach: float) -> None:
        """Move by a share of what was learned, and let poses count as far as `reach` times what was seen."""
        with torch.no_grad():
            self.motion.mul_(strength)
            self.low.mul_(reach)
            self.high.mul_(reach)

    def forward(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """(n, 3, 3), (n, 3) head units -> (n, 3, size, size), about in [0, 1]."""
        return taken(self.canonical, self.sources(rotation, translation, self.size))

    def sources(self, rotation: Tensor, translation: Tensor, size: int) -> Tensor:
        """Where in the canonical picture each pixel of the pictures is taken from: (n, size, size, 2) in [-1, 1], or outside."""
        pose = (self._projected(rotation, translation) - self.mean) @ self.axes
        pose = torch.maximum(torch.minimum(pose, self.high), self.low)
        moved = torch.einsum("nk,kcij->ncij", pose, self.motion) * UNIT
        smooth = functional.interpolate(moved, (size, size), mode="bilinear", align_corners=True)
        return _centres(size) + smooth.permute(0, 2, 3, 1)

    @torch.no_grad()
    def pictures(self, cameras: Cameras) -> Bytes:
        """What is behind the head at n poses: (n, size, size, 3)."""
        rotation, translation = poses(cameras)
        made = np.empty((len(rotation), self.size, self.size, 3), np.uint8)
        for rows in parts(len(rotation)):
            images = self(rotation[rows], translation[rows])
            made[rows] = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return made

    def _projected(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """(n, 6): x / z and y / z of the anchors in the camera."""
        points = torch.einsum("nij,kj->nki", rotation, self.anchors) + translation[:, None]
        return (points[..., :2] / points[..., 2:]).flatten(start_dim=1)


def behind(portrait: Portrait, field: TorsoField) -> Portrait:
    """A portrait over the field's pictures for its poses in place of its own backgrounds."""
    return replace(portrait, background=field.pictures(portrait.cameras))


def poses(cameras: Cameras) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(cameras.rotation), torch.from_numpy(cameras.translation)


def taken(picture: Tensor, places: Tensor) -> Tensor:
    """(c, size, size) at (n, h, w, 2) in [-1, 1] -> (n, c, h, w); the border is repeated outside."""
    every = picture.expand(len(places), -1, -1, -1)
    return functional.grid_sample(every, places, padding_mode="border", align_corners=False)


def _centres(size: int) -> Tensor:
    """(1, size, size, 2) x and y of the pixels' centres in [-1, 1]."""
    along = (torch.arange(size) + 0.5) / size * 2 - 1
    return torch.stack(torch.meshgrid(along, along, indexing="xy"), dim=-1)[None]


def parts(num_frames: int) -> Iterator[slice]:
    return (slice(first, first + _TOGETHER) for first in range(0, num_frames, _TOGETHER))


def save(path: Path, field: TorsoField) -> None:
    """Its tensors, with a checksum beside them."""
    partial = path.with_name(f"{path.name}.part")
    save_file(field.state_dict(), partial, metadata={"torso": str(VERSION)})
    seal(partial, path)


def load(path: Path) -> TorsoField:
    """What `save` wrote; InputError names a damaged file."""
    remedy = "repeat the command of its run, which makes it anew without training"
    if not is_sealed(path):
        raise InputError(f"{path}: is missing, damaged or cut short (its checksum differs); {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dict
        field = TorsoField(tensors["canonical"].shape[-1], tensors["motion"].shape[-1])
        field.load_state_dict(tensors)
    except (SafetensorError, OSError, KeyError, IndexError, RuntimeError) as error:
        raise InputError(f"{path}: is no torso field of tfg ({' '.join(str(error).split())}); {remedy}") from error
    return field.requires_grad_(False)
