"""First positions and colours of the Gaussians, from the training portrait: a shell around the head, a ball in the mouth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tfg.landmarks import CHIN, MOUTH, OUTER_EYE_CORNERS
from tfg.types import InputError, Portrait

SKULL_RADII = (0.86, 1.28, 1.05)  # of an average head in units of the outer eye distance (about 9 cm)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    points: Tensor  # (n, 3) head space
    colors: Tensor  # (n, 3) in [0, 1]


def head_cloud(portrait: Portrait, num: int, generator: torch.Generator) -> Cloud:
    """`num` random head pixels of the training frames, lifted onto an average skull that is placed behind the face shape.

    A pixel whose ray misses the skull (hair, ears) goes to the ray's point nearest to the skull's middle.
    Differs from the paper: InsTaG starts from 2,000 near-black points, blind in a cube; pixels that are known to be head,
    with their colours, save the few steps that five seconds of video leave for finding the shape.
    """
    cameras = portrait.cameras
    pixels = torch.from_numpy(portrait.head_mask).flatten().nonzero()[:, 0]
    if not len(pixels):
        raise InputError("no head pixel in the training frames: choose another segment, or masks that find this head")
    chosen = pixels[torch.randint(len(pixels), (num,), generator=generator)]
    frame, place = chosen // cameras.size**2, chosen % cameras.size**2
    row, column = place // cameras.size, place % cameras.size
    jitter = torch.rand(num, 2, generator=generator)
    rotation, translation = torch.from_numpy(cameras.rotation)[frame], torch.from_numpy(cameras.translation)[frame]
    half = cameras.size / 2
    rays = torch.stack([column + jitter[:, 0] - half, row + jitter[:, 1] - half, torch.full((num,), cameras.focal)], 1)
    rays = torch.einsum("nij,ni->nj", rotation, torch.nn.functional.normalize(rays, dim=1))
    origins = -torch.einsum("nij,ni->nj", rotation, translation)

    radii, middle = torch.tensor(SKULL_RADII), skull_middle(portrait)
    slope, start = rays / radii, (origins - middle) / radii
    a, b, c = (slope**2).sum(1), (slope * start).sum(1), (start**2).sum(1) - 1
    distance = (-b - torch.sqrt((b * b - a * c).clamp_min(0))) / a  # a miss keeps -b / a, the nearest point
    colors = torch.from_numpy(portrait.images[frame.numpy(), row.numpy(), column.numpy()]).float() / 255
    return Cloud(points=origins + distance[:, None] * rays, colors=colors)


def skull_middle(portrait: Portrait) -> Tensor:
    """(3,) the middle of the skull: behind the eyes' outer corners by its own depth, half way from forehead to chin."""
    shape = torch.from_numpy(portrait.face_shape)
    corners, chin = shape[list(OUTER_EYE_CORNERS)], shape[CHIN]
    eyes = corners.mean(dim=0)
    y = float(chin[1]) - SKULL_RADII[1]
    across = float((corners[1, 0] - corners[0, 0]).abs()) / 2 / SKULL_RADII[0]
    down = (float(eyes[1]) - y) / SKULL_RADII[1]
    depth = SKULL_RADII[2] * math.sqrt(max(1 - across**2 - down**2, 0.25))
    return torch.tensor([0.0, y, float(eyes[2]) + depth])


def mouth_cloud(portrait: Portrait, num: int, depth: float, generator: torch.Generator) -> Cloud:
    """`num` random points behind the lips: as wide as the mouth, `depth` head units deep, in the mouth's mean dark colour."""
    lips = torch.from_numpy(portrait.face_shape[MOUTH])
    low, high = lips.amin(dim=0), lips.amax(dim=0)
    height = max(float(high[1] - low[1]), 0.5 * float(high[0] - low[0]))  # the fit's lips may be closed
    side = torch.tensor([float(high[0] - low[0]), height, depth])
    middle = torch.stack([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + 0.05 + depth / 2])
    points = middle + (torch.rand(num, 3, generator=generator) - 0.5) * side
    colors = torch.tensor([0.25, 0.1, 0.1]).expand(num, 3) + 0.1 * torch.rand(num, 1, generator=generator)
    return Cloud(points=points, colors=colors)
