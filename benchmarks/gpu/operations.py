"""The operations measured on a CUDA card: grids, dense planes, perceptrons, marching, rasterising, losses, a step of each backbone."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.gpu.meter import Ceilings, Measured, milliseconds
from benchmarks.grids import SAMPLING, SYNCTALK
from benchmarks.raster import head
from benchmarks.steps import iteration
from tfg.engines import (
    HashGridSpec,
    OccupancyGrid,
    Terms,
    composite,
    march,
    mlp,
    photometric,
    rasterize,
    sample_planes,
    triplane_encode,
)

SECTOR = 32  # bytes that a scattered access moves


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured; `small` proves the script on a machine without a card."""

    points: int = 65_536
    rows: int = 262_144
    rays: int = 65_536
    gaussians: int = 30_000
    picture: int = 512
    train_rays: int = 65_536
    frames: int = 4
    repeats: int = 20


SMALL = Sizes(points=256, rows=100, rays=64, gaussians=50, picture=32, train_rays=64, frames=2, repeats=1)


def grids(device: str, fast: str, sizes: Sizes, ceiling: Ceilings) -> list[Measured]:
    """Tri-plane encoding forward and backward; the floor counts every gather and scatter as one sector."""
    spec = HashGridSpec(dim=2, levels=14, channels=2, log2_size=14, base=16, desired=1024, bound=1.0)
    points = torch.rand(sizes.points, 3, device=device) * 2 - 1
    tables = torch.rand(3, spec.num_params, 2, device=device).requires_grad_()
    upstream = torch.rand(sizes.points, 3 * spec.output, device=device)
    corners = sizes.points * 3 * spec.levels * 4
    dense = 2 * upstream.numel() * 4 + 2 * tables.numel() * 4 + 2 * points.numel() * 4
    moved = dense + 3 * corners * SECTOR  # read once forward, read and written backward
    floor = moved / ceiling.bytes_per_second * 1e3
    found = []
    for engine in ("torch", fast):

        def run(engine: str = engine) -> object:
            return torch.autograd.grad(triplane_encode(points, tables, spec, engine), [tables], upstream)

        spent = milliseconds(run, device, sizes.repeats)
        is_fast = engine == fast
        found.append(
            Measured(
                name=f"tri-plane encoding, {sizes.points} points, L14 2^14",
                engine=engine,
                milliseconds=spent,
                bytes_moved=moved,
                target=">= 60 % of the memory-bound floor" if is_fast else "",
                met=floor / spent >= 0.6 if is_fast else None,
            )
        )
    return found + _tiny_cuda_nn(points, spec, sizes)


def _has_tiny_cuda_nn(device: str) -> bool:
    return device == "cuda" and importlib.util.find_spec("tinycudann") is not None


def _tiny_cuda_nn(points: Tensor, spec: HashGridSpec, sizes: Sizes) -> list[Measured]:
    """The same work by tiny-cuda-nn's own rules and half precision, where it is installed."""
    if not _has_tiny_cuda_nn(points.device.type):
        return []
    import tinycudann

    config = {
        "otype": "HashGrid",
        "n_levels": spec.levels,
        "n_features_per_level": spec.channels,
        "log2_hashmap_size": spec.log2_size,
        "base_resolution": int(spec.base),
        "per_level_scale": (spec.desired / spec.base) ** (1 / (spec.levels - 1)),
    }
    planes = [tinycudann.Encoding(2, config) for _ in range(3)]
    unit = [(points[:, axes] + 1) / 2 for axes in ([0, 1], [1, 2], [0, 2])]

    def run() -> None:
        out = torch.cat([plane(where) for plane, where in zip(planes, unit, strict=True)], dim=1)
        out.backward(torch.ones_like(out))

    spent = milliseconds(run, "cuda", sizes.repeats)
    return [
        Measured(name=f"tri-plane encoding, {sizes.points} points, L14 2^14", engine="tiny-cuda-nn", milliseconds=spent)
    ]


def dense_planes(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """Reading three planes of EG3D's shape, values and gradients of planes and points."""
    planes = torch.rand(3, 32, 256, 256, device=device).requires_grad_()
    points = (torch.rand(sizes.points, 3, device=device) * 2 - 1).requires_grad_()
    upstream = torch.rand(sizes.points, 32, device=device)
    found = []
    for engine in ("torch", fast):

        def run(engine: str = engine) -> object:
            return torch.autograd.grad(sample_planes(planes, points, engine=engine), [planes, points], upstream)

        name = f"dense planes 3 x 32 x 256 x 256, {sizes.points} points"
        found.append(Measured(name=name, engine=engine, milliseconds=milliseconds(run, device, sizes.repeats)))
    return found


def perceptrons(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """SyncTalk's density net, values and all gradients; on CUDA torch's products are our engine, beside tiny-cuda-nn if it is here."""
    generator = torch.Generator().manual_seed(0)
    pairs = itertools.pairwise(SYNCTALK)
    weights = [torch.randn(out, inner, generator=generator) / inner**0.5 for inner, out in pairs]
    x, upstream = (torch.randn(sizes.rows, width, generator=generator) for width in (SYNCTALK[0], SYNCTALK[-1]))
    leaves = [values.to(device).requires_grad_() for values in (x, *weights)]
    upstream = upstream.to(device)
    engines = ["torch", *([fast] if device == "cpu" else []), *(["tinycudann"] if _has_tiny_cuda_nn(device) else [])]
    found = []
    for engine in engines:

        def run(engine: str = engine) -> object:
            return torch.autograd.grad(mlp(leaves[0], leaves[1:], engine), leaves, upstream)

        name = f"perceptron {'-'.join(map(str, SYNCTALK))}, {sizes.rows} rows"
        found.append(Measured(name=name, engine=engine, milliseconds=milliseconds(run, device, sizes.repeats)))
    return found


def losses(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """A picture's loss with every term, and its gradients; on CUDA the twin is the engine."""
    generator = torch.Generator().manual_seed(0)
    side = sizes.picture
    pictures = (torch.rand(side, side, 3, generator=generator).to(device) for _ in range(2))
    maps = (torch.rand(side, side, generator=generator).to(device) for _ in range(3))
    (rendered, truth), (shown, alpha, silhouette) = pictures, maps
    leaves = [rendered.requires_grad_(), alpha.requires_grad_()]
    given = {"shown": shown, "backdrop": torch.rand(3, generator=generator).to(device), "silhouette": silhouette}
    box = (slice(side // 2, side), slice(side // 4, side // 2))
    terms = Terms(absolute=0.8, dissimilarity=0.2, box=1.0, alpha=1e-3)

    def run() -> object:
        loss = photometric(rendered, truth, terms, **given, veiled=True, box=box, alpha=alpha, engine=fast)
        return torch.autograd.grad(loss, leaves)

    spent = milliseconds(run, device, sizes.repeats)
    return [Measured(name=f"photometric loss, {side} x {side}", engine=fast, milliseconds=spent)]


def marching(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """Marching 24 samples a ray through 128^3 cells and compositing three channels, forward and backward."""
    grid = OccupancyGrid(128).to(device)
    grid.update(lambda points: 100.0 * (points.norm(dim=1) < 0.6))
    origins = torch.tensor([0.0, 0.0, -4.0], device=device).expand(sizes.rays, 3).contiguous()
    aim = (torch.rand(sizes.rays, 2, device=device) * 2 - 1) * 0.25
    ahead = torch.ones(sizes.rays, 1, device=device)
    directions = nn.functional.normalize(torch.cat([aim, ahead], dim=1), dim=1)
    offset = torch.rand(sizes.rays, device=device)
    found = []
    for engine in ("torch", fast):

        def walk(engine: str = engine) -> object:
            return march(origins, directions, grid, **SAMPLING, offset=offset, engine=engine)

        samples = march(origins, directions, grid, **SAMPLING, engine=engine)
        sigma = torch.rand(len(samples.t), device=device).requires_grad_()
        colors = torch.rand(len(samples.t), 3, device=device).requires_grad_()

        def blend(engine: str = engine) -> object:
            return torch.autograd.grad(composite(sigma, colors, samples, engine)[0].sum(), [sigma, colors])  # noqa: B023

        walked, blended = (milliseconds(run, device, sizes.repeats) for run in (walk, blend))
        found.append(Measured(name=f"marching, {sizes.rays} rays", engine=engine, milliseconds=walked))
        found.append(Measured(name=f"compositing, {len(samples.t)} samples", engine=engine, milliseconds=blended))
    return found


def rasterising(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """A head of InsTaG's size: one picture, and one picture with all gradients."""
    scene = {
        name: value.to(device) if isinstance(value, Tensor) else value
        for name, value in head(sizes.picture, sizes.gaussians).items()
    }
    learned = [scene[name].requires_grad_() for name in ("means", "quats", "scales", "opacities", "colors")]
    found = []
    for engine in ("torch", fast):

        def draw(engine: str = engine) -> Tensor:
            with torch.no_grad():
                return rasterize(**scene, engine=engine).color

        def learn(engine: str = engine) -> object:
            return torch.autograd.grad(rasterize(**scene, engine=engine).color.sum(), learned)

        where = f"{sizes.gaussians} Gaussians, {sizes.picture} x {sizes.picture}"
        repeats = sizes.repeats if engine == fast else min(sizes.repeats, 3)
        for name, run, target, most in (
            ("drawing", draw, ">= 1,000 frames/s", 1.0),
            ("drawing with gradients", learn, ">= 300 iterations/s (of the whole step)", 1e3 / 300),
        ):
            spent = milliseconds(run, device, repeats)
            aim, met = (target, spent <= most) if engine == fast else ("", None)
            found.append(Measured(name=f"{name}, {where}", engine=engine, milliseconds=spent, target=aim, met=met))
    return found


def steps(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """One training iteration of each backbone at the papers' size."""
    sampling = {"num_rays": sizes.train_rays, "max_samples": 16, "patch": min(32, sizes.picture)}
    cloud = {"face": sizes.gaussians, "mouth": max(50, sizes.gaussians // 10)}
    density = {"max_num": 2 * sizes.gaussians}
    plans = (
        ("synctalk", {"sampling": sampling}, "<= 8 ms", 8.0),
        ("instag", {"cloud": cloud, "face_density": density}, ">= 300 iterations/s", 1e3 / 300),
    )
    found = []
    for backbone, changes, target, most in plans:
        step: Callable[[], None] = iteration(
            backbone, fast, device=device, size=sizes.picture, frames=sizes.frames, changes=changes
        )
        spent = milliseconds(step, device, sizes.repeats)
        name = f"training step, {backbone}, {sizes.picture} px"
        found.append(Measured(name=name, engine=fast, milliseconds=spent, target=target, met=spent <= most))
    return found
