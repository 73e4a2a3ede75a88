"""The rasteriser's cases: a head-like cloud drawn and differentiated by the torch twin, by C, and by gsplat's own torch code."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.floors import Work
from benchmarks.timing import Case, machine
from tfg.engines import rasterize

SCENES = ((128, 5_000), (128, 20_000), (256, 5_000), (256, 20_000))
LEARNED = ("means", "quats", "scales", "opacities", "colors")
FLOOR_SCENE = (128, 5_000)


def head(size: int, n: int) -> dict[str, Any]:
    """A closed egg-shaped shell as thick as hair and skin, Gaussians as wide as their spacing, SH degree 1, as it fills a crop."""
    draw = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(n, 3, generator=draw), dim=-1)
    depth = 1 - 0.15 * torch.rand(n, 1, generator=draw) ** 2
    spacing = math.sqrt(4 * math.pi * 0.83 / n)  # of n points on the shell
    colors = torch.randn(n, 4, 3, generator=draw)
    colors[:, 1:] *= 0.3
    return {
        "means": directions * depth * torch.tensor([0.8, 1.05, 0.9]),
        "quats": torch.randn(n, 4, generator=draw),
        "scales": 0.8 * spacing * torch.exp(0.4 * torch.randn(n, 3, generator=draw)),
        "opacities": torch.sigmoid(1.5 * torch.randn(n, generator=draw) + 0.5),
        "colors": colors,
        "background": torch.rand(size, size, 3, generator=draw),
        "rotation": torch.eye(3),
        "translation": torch.tensor([0.0, 0.0, 6.0]),
        "focal": 2.3 * size,
        "width": size,
        "height": size,
        "sh_degree": 1,
    }


def least_work(scene: dict[str, Any], *, projected: bool) -> Work:
    """Of drawing and differentiating the pairs of Gaussian and pixel that the definition composites.

    FLOPs a pair, row by row, a multiply-add as two: forward 24 (offset 1, M d and its square 5, 2^-x as a polynomial of
    degree 5 10, alpha, weight and light 3, RGB 5), backward 46 (the same without RGB 18, colour gradients 6, weight's
    gradient 5, alpha's 5, and 12 into mean, root and strength). About 500 a Gaussian for the projection and harmonics both ways.
    """
    from tests import gsplat_reference

    n, pixels = len(scene["means"]), scene["width"] * scene["height"]
    ellipses, _ = gsplat_reference.projected(scene)
    pairs = len(gsplat_reference.intersections(ellipses, scene["width"], scene["height"])[0])
    row = sum(scene[name][0].numel() for name in LEARNED) if projected else 9  # mean, root, strength and colour
    floats = 3 * row * n + 4 * 3 * pixels  # arguments twice and gradients; picture, background and two gradients
    return Work(flops=70 * pairs + (500 * n if projected else 0), bytes_moved=4 * floats)


def raster_case(size: int, n: int, required: float) -> Case:
    """Forward and backward of the whole rasteriser."""
    scene = head(size, n)
    weights = torch.randn(size, size, 3, generator=torch.Generator().manual_seed(1))
    learned = {name: scene[name].requires_grad_() for name in LEARNED}

    def draw(engine: str) -> None:
        color = rasterize(**scene, engine=engine).color
        torch.autograd.grad(color, list(learned.values()), weights)

    variants: dict[str, Callable[[], object]] = {"torch": lambda: draw("torch"), "cpu": lambda: draw("cpu")}
    return Case(
        name=f"rasterize_{size}_{n // 1000}k",
        variants=variants,
        required={"torch": required},
        least=lambda: least_work(scene, projected=True),
    )


def gsplat_case(size: int, n: int, required: float) -> Case:
    """Compositing alone, as gsplat's `_rasterize_to_pixels` does it: pairs of Gaussian and pixel (a CUDA kernel there, the twin's
    fastest torch here), then its `accumulate`. Its tiles are given; ours also sorts and bins."""
    from tests import gsplat_reference
    from tfg.engines.gaussian import cpu

    scene = head(size, n)
    ellipses, colors = gsplat_reference.projected(scene)
    means, conics, opacities = ellipses.means, ellipses.conics, ellipses.opacities
    weights = torch.randn(size, size, 3, generator=torch.Generator().manual_seed(1))
    roots, radii = roots_of(conics), ellipses.extents.amax(1).int()

    def theirs() -> None:
        learned = [tensor.clone().requires_grad_() for tensor in (means, conics, opacities, colors)]
        m, c, o, k = learned
        listed = gsplat_reference.intersections(ellipses, size, size)
        picture, alpha = gsplat_reference.accumulate(m, c, o, k, listed, size, size)
        color = picture + (1 - alpha)[..., None] * scene["background"]
        torch.autograd.grad(color, learned, weights)

    def ours() -> None:
        learned = [tensor.clone().requires_grad_() for tensor in (means, roots, opacities, colors)]
        drawn = (*learned[:3], ellipses.depths, None, learned[3])
        color = cpu.Composite.apply(size, size, radii, scene["background"], *drawn)[0]
        torch.autograd.grad(color, learned, weights)

    return Case(
        name="rasterize_vs_gsplat",
        variants={"torch": theirs, "cpu": ours},
        required={"torch": required},
        least=lambda: least_work(scene, projected=False),
    )


def roots_of(conics: Tensor) -> Tensor:
    """(n, 3) upper roots M of conics (n, 3): alpha = opacity exp(-d^T conic d / 2) = opacity 2^-|M d|^2."""
    a, b, c = (conics / (2 * math.log(2))).unbind(-1)
    first = a.sqrt()
    return torch.stack([first, b / first, (c - b * b / a).sqrt()], -1)


def cases() -> list[Case]:
    """All of them; the comparison with gsplat only where it is installed, which is said."""
    wide = machine()["instructions"] == "avx512f" and not machine()["extra_flags"]
    found = [raster_case(size, n, 35.0 if wide else 25.0) for size, n in SCENES]
    if importlib.util.find_spec("gsplat") is None:
        print("rasterize_vs_gsplat: left out, gsplat is not installed (pip install gsplat==1.5.3)", file=sys.stderr)
        return found
    return [*found, gsplat_case(*FLOOR_SCENE, 40.0 if wide else 25.0)]
