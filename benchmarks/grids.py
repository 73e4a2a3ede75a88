"""The grid, marching and perceptron operations in all their variants; scenes are made here from a seed."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.floors import Work
from benchmarks.timing import Case
from tfg.engines import HashGridSpec, OccupancyGrid, composite, march, mlp, triplane_encode
from tfg.engines.hashgrid.base import PLANES, PRIMES

POINTS, RAYS, SAMPLES, ROWS = 65_536, 4_096, 24, 32_768
BOX = (-1.0, -1.0, -1.0, 1.0, 1.0, 1.0)
SAMPLING: dict[str, Any] = {"aabb": BOX, "max_samples": SAMPLES, "near": 0.05, "longest": 2 * math.sqrt(3) / 128}
SYNCTALK = (75, 64, 64, 65)  # the density net


class Bags(torch.autograd.Function):
    """`embedding_bag` forward and `index_add_` backward, level by level, into one gradient.

    `by_channel` adds one channel at a time: one-dimensional `index_add_` is 20 times faster than rows of two.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, spec: HashGridSpec, by_channel: bool, *found: Tensor) -> Tensor:
        ctx.save_for_backward(*found)
        ctx.spec, ctx.shape, ctx.by_channel = spec, table.shape, by_channel
        parts = [
            nn.functional.embedding_bag(rows, table[first:last], per_sample_weights=weights, mode="sum")
            for first, last, rows, weights in _levels(spec, found)
        ]
        return torch.cat(parts, dim=1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        total = grad.new_zeros(ctx.shape)
        channels, parts = ctx.spec.channels, _levels(ctx.spec, ctx.saved_tensors)
        for level, (first, last, rows, weights) in enumerate(parts):
            upstream = grad[:, None, level * channels : (level + 1) * channels]
            if ctx.by_channel:
                for channel in range(channels):
                    column = grad.new_zeros(last - first)
                    column.index_add_(0, rows.reshape(-1), (weights * upstream[:, :, channel]).reshape(-1))
                    total[first:last, channel] = column
            else:
                spread = (weights[:, :, None] * upstream).reshape(-1, channels)
                total[first:last].index_add_(0, rows.reshape(-1), spread)
        return total, *[None] * (2 + 2 * ctx.spec.levels)


def _levels(spec: HashGridSpec, found: tuple[Tensor, ...]) -> list[tuple[int, int, Tensor, Tensor]]:
    """First and last row of each level, (n, 4) rows in it and their weights."""
    return list(zip(spec.offsets[:-1], spec.offsets[1:], found[0::2], found[1::2], strict=True))


def embedding_bag_encode(points: Tensor, tables: Tensor, spec: HashGridSpec, by_channel: bool) -> Tensor:
    """As `triplane_encode` for points inside the bound; index arithmetic in int32, where it is fastest."""
    prime = PRIMES[1] - 2**32
    parts = []
    for axes, table in zip(PLANES, tables, strict=True):
        x, y = ((points[:, axis] + spec.bound) / (2 * spec.bound) for axis in axes)
        found = []
        for level, scale in enumerate(spec.scales):
            along, down = x * scale + 0.5, y * scale + 0.5
            column, row = along.int(), down.int()
            right, below = along - column, down - row
            left, above = 1 - right, 1 - below
            if spec.strides[level]:
                stride = spec.strides[level][1]
                corner = column + row * stride
                rows = torch.stack([corner, corner + 1, corner + stride, corner + stride + 1], dim=1)
            else:
                first, second = row * prime, (row + 1) * prime
                spread = [column ^ first, (column + 1) ^ first, column ^ second, (column + 1) ^ second]
                rows = torch.stack(spread, dim=1) & (spec.offsets[level + 1] - spec.offsets[level] - 1)
            found += [rows, torch.stack([left * above, right * above, left * below, right * below], dim=1)]
        parts.append(Bags.apply(table, spec, by_channel, *found))
    return torch.cat(parts, dim=1)


def least_work(spec: HashGridSpec) -> Work:
    """Of a tri-plane's features and table gradients: position and weights of the 4 corners each way (12 FLOPs), a
    multiply-add a corner and channel each way; points twice, features, their gradient, tables and theirs once."""
    encoded = POINTS * 3 * spec.levels
    flops = 2 * encoded * (12 + 4 * 2 * spec.channels)
    floats = 2 * POINTS * 3 + 2 * encoded * spec.channels + 2 * 3 * spec.num_params * spec.channels
    return Work(flops=flops, bytes_moved=4 * floats)


def hash_case(levels: int, log2_size: int, *, to_points: bool = False) -> Case:
    """Three planes, two channels, 16 to 1024 cells, uniform points; gradient of the tables, or of tables and points."""
    spec = HashGridSpec(dim=2, levels=levels, channels=2, log2_size=log2_size, base=16, desired=1024, bound=1.0)
    generator = torch.Generator().manual_seed(0)
    points = (torch.rand(POINTS, 3, generator=generator) * 2 - 1).requires_grad_(to_points)
    tables = torch.rand(3, spec.num_params, 2, generator=generator).requires_grad_()
    upstream = torch.rand(POINTS, 3 * spec.output, generator=generator)
    leaves = [tables, points] if to_points else [tables]

    def run(engine: str) -> object:
        return torch.autograd.grad(triplane_encode(points, tables, spec, engine), leaves, upstream)

    def bag(by_channel: bool) -> object:
        return torch.autograd.grad(embedding_bag_encode(points, tables, spec, by_channel), leaves, upstream)

    variants = {"torch": lambda: run("torch"), "cpu": lambda: run("cpu")}
    if to_points:
        return Case(name=f"hash_{levels}_{log2_size}_points", variants=variants)
    return Case(
        name=f"hash_{levels}_{log2_size}",
        variants=variants | {"embedding_bag": lambda: bag(False), "embedding_bag_by_channel": lambda: bag(True)},
        required={"torch": 12, "embedding_bag": 6},
        least=lambda: least_work(spec),
    )


def march_case() -> Case:
    """Rays of one camera at a head-like ball in a 128^3 grid: marching and compositing, forward and backward."""
    generator = torch.Generator().manual_seed(0)
    grid = OccupancyGrid(128)
    grid.update(lambda points: 100.0 * (points.norm(dim=1) < 0.6), generator)
    origins = torch.tensor([0.0, 0.0, -4.0]).expand(RAYS, 3).contiguous()
    aim = (torch.rand(RAYS, 2, generator=generator) * 2 - 1) * 0.25
    directions = nn.functional.normalize(torch.cat([aim, torch.ones(RAYS, 1)], dim=1), dim=1)
    offset = torch.rand(RAYS, generator=generator)
    density = torch.rand(RAYS * SAMPLES, generator=generator) * 20
    colors = torch.rand(RAYS * SAMPLES, 3, generator=generator)
    upstream = torch.rand(RAYS, 3, generator=generator)

    def run(engine: str) -> object:
        samples = march(origins, directions, grid, **SAMPLING, offset=offset, engine=engine)
        count = len(samples.t)
        leaves = [density[:count].requires_grad_(), colors[:count].requires_grad_()]
        values, _, _ = composite(leaves[0], leaves[1], samples, engine)
        return torch.autograd.grad(values, leaves, upstream)

    return Case(
        name="march_4096", variants={"torch": lambda: run("torch"), "cpu": lambda: run("cpu")}, required={"torch": 15}
    )


def mlp_case() -> Case:
    """SyncTalk's density net, gradients of input and weights."""
    generator = torch.Generator().manual_seed(0)
    shapes = zip(SYNCTALK[1:], SYNCTALK[:-1], strict=True)
    weights = [(torch.randn(shape, generator=generator) / 8).requires_grad_() for shape in shapes]
    x = torch.randn(ROWS, SYNCTALK[0], generator=generator).requires_grad_()
    upstream = torch.randn(ROWS, SYNCTALK[-1], generator=generator)

    def run(engine: str) -> object:
        return torch.autograd.grad(mlp(x, weights, engine), [x, *weights], upstream)

    return Case(name="mlp_32768", variants={"torch": lambda: run("torch"), "cpu": lambda: run("cpu")})


def cases() -> list[Case]:
    """Issue 3's grid and marching rows, then what it does not demand."""
    return [
        hash_case(14, 14),
        hash_case(14, 16),
        hash_case(12, 19),
        march_case(),
        hash_case(14, 14, to_points=True),
        mlp_case(),
    ]
