"""Reading dense tri-planes in all variants, at points of the rays of one camera; made here from a seed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from benchmarks.floors import Work
from benchmarks.timing import Case
from tfg.engines import sample_planes

CHANNELS, SIZES = 32, (64, 256)
ROWS, COLUMNS, SAMPLES = 50, 80, 100  # 400,000 points
RADIUS, NEAR, FAR, HALF_PICTURE, YAW = (
    5.4,
    4.5,
    6.6,
    0.5 / 3.6,
    20.0,
)  # EG3D's camera and depths with its box at [-1, 1]^3


def points_of_rays() -> Tensor:
    """(ROWS * COLUMNS * SAMPLES, 3) ray by ray, near to far, each sample drawn within its own step."""
    generator = torch.Generator().manual_seed(0)
    down, across = (torch.linspace(-HALF_PICTURE, HALF_PICTURE, count) for count in (ROWS, COLUMNS))
    aim = torch.stack([*torch.meshgrid(across, down, indexing="xy"), torch.ones(ROWS, COLUMNS)], dim=-1).view(-1, 1, 3)
    step = torch.arange(SAMPLES) + torch.rand(ROWS * COLUMNS, SAMPLES, generator=generator)
    depth = NEAR + (FAR - NEAR) * step / SAMPLES
    seen = nn.functional.normalize(aim, dim=-1) * depth[..., None] - torch.tensor([0.0, 0.0, RADIUS])
    cosine, sine = math.cos(math.radians(YAW)), math.sin(math.radians(YAW))
    turn = torch.tensor([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])
    return (seen.view(-1, 3) @ turn).contiguous()


def least_work(size: int) -> Work:
    """Of features and the planes' gradient: a multiply-add a channel, corner and plane each way, and the 4 weights of a plane
    (10 FLOPs) each way; points twice, features, their gradient, planes and theirs once."""
    count = ROWS * COLUMNS * SAMPLES
    floats = 2 * count * 3 + 2 * count * CHANNELS + 2 * 3 * CHANNELS * size**2
    return Work(flops=2 * count * 3 * (10 + 4 * 2 * CHANNELS), bytes_moved=4 * floats)


def planes_case(size: int, *, to_points: bool = False) -> Case:
    """Features and the gradient of the planes, or of planes and points; `grid_sample` also with channels last in memory."""
    generator = torch.Generator().manual_seed(0)
    planes = torch.randn(3, CHANNELS, size, size, generator=generator)
    points = points_of_rays().requires_grad_(to_points)
    upstream = torch.randn(len(points), CHANNELS, generator=generator)

    def run(engine: str, form: torch.memory_format) -> object:
        given = planes.contiguous(memory_format=form).detach().requires_grad_()
        leaves = [given, points] if to_points else [given]
        return torch.autograd.grad(sample_planes(given, points, engine=engine), leaves, upstream)

    variants = {
        "torch": lambda: run("torch", torch.contiguous_format),
        "cpu": lambda: run("cpu", torch.contiguous_format),
    }
    if to_points:
        return Case(name=f"planes_{size}_points", variants=variants)
    return Case(
        name=f"planes_{size}",
        variants=variants | {"torch_channels_last": lambda: run("torch", torch.channels_last)},
        required={"torch": 5},
        least=lambda: least_work(size),
    )


def cases() -> list[Case]:
    """What issue 13 demands, and the same with the gradient of the points."""
    return [planes_case(size, to_points=to_points) for to_points in (False, True) for size in SIZES]
