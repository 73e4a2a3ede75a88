"""Scenes for the rasteriser's tests, and how their pictures and gradients are made. Holds no tests."""

import torch
from torch import Tensor

from tfg.engines import Raster, rasterize

LEARNED = ("means", "quats", "scales", "opacities", "colors", "background")
HARD = (
    "random",
    "behind the camera",
    "on the border",
    "zero size",
    "transparent",
    "opaque",
    "needles",
    "huge",
    "none visible",
    "empty",
    "one tile",
    "one pixel",
    "odd size",
    "depth ties",
    "many on one pixel",
    "fewer than a vector",
)


def turned(dtype: torch.dtype) -> Tensor:
    """A rotation about all three axes, as orthonormal as the dtype allows."""
    axis = torch.tensor([[0.0, -0.2, 0.1], [0.2, 0.0, -0.3], [-0.1, 0.3, 0.0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(axis).to(dtype)


def scene(
    n: int, width: int, height: int, *, seed: int = 0, degree: int | None = None, dtype: torch.dtype = torch.float32
) -> dict:
    """Arguments of `rasterize`: a cloud about a unit wide, three units before the camera, turned a little."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float32)

    given = {
        "means": normal(n, 3) * 0.5,
        "quats": normal(n, 4),
        "scales": torch.exp(normal(n, 3) * 0.6 - 2.5),
        "opacities": torch.sigmoid(normal(n) * 1.5),
        "colors": normal(n, 3).sigmoid() if degree is None else normal(n, (degree + 1) ** 2, 3) * 0.4,
        "background": torch.rand(height, width, 3, generator=draw),
        "rotation": turned(dtype),
        "translation": torch.tensor([0.1, -0.05, 3.0]),
        "focal": 1.2 * max(width, height),
        "width": width,
        "height": height,
        "sh_degree": degree,
    }
    return {name: x.to(dtype) if isinstance(x, Tensor) else x for name, x in given.items()}


def hard(case: str) -> dict:
    """The cases in which rasterisers go wrong."""
    sizes = {
        "one tile": (60, 8, 8),
        "one pixel": (60, 1, 1),
        "odd size": (150, 37, 21),
        "empty": (0, 20, 20),
        "many on one pixel": (10_000, 20, 20),
        "fewer than a vector": (3, 20, 20),
    }
    n, width, height = sizes.get(case, (200, 48, 40))
    given = scene(n, width, height, seed=sum(map(ord, case)), degree=1)
    means = given["means"]
    if case == "behind the camera":
        means[::3, 2] -= 6.0
        means[1::7, 2] = -3.0 + 0.02  # next to the camera's plane
    elif case == "on the border":
        means[:, 0] = torch.where(means[:, 0] > 0, 1.25, -1.3) + means[:, 0] * 0.2
        given["scales"][::4] *= 4
    elif case == "zero size":
        given["scales"][::2] = 0
        given["scales"][1::4, 0] = 0
    elif case == "transparent":
        given["opacities"][::2] = 0
        given["opacities"][1::4] = 0.0039  # under 1 / 255
    elif case == "opaque":
        given["opacities"][:] = 1
    elif case == "needles":
        given["scales"][:, 0] *= 12
        given["scales"][:, 1:] *= 0.1
    elif case == "huge":
        given["scales"] *= 30
        given["opacities"] *= 0.2
    elif case == "none visible":
        means[:, 2] = -9
    elif case == "depth ties":
        given["rotation"] = torch.eye(3)
        means[:, 2] = (means[:, 2] * 4).round() / 4
    elif case == "many on one pixel":
        means *= 1e-3
        given["opacities"] *= 0.05
    return given


def as_double(given: dict) -> dict:
    """The same scene for the float64 reference."""
    return {name: x.double() if isinstance(x, Tensor) else x for name, x in given.items()}


def draw_and_differentiate(given: dict, engine: str, **options: bool) -> tuple[Raster, dict[str, Tensor]]:
    """The raster, and the gradients of a fixed random weighting of all its pictures (and `means2d`'s)."""
    learned = {name: given[name].detach().clone().requires_grad_() for name in LEARNED}
    raster = rasterize(**(given | learned), engine=engine, **options)
    raster.means2d.retain_grad()
    draw = torch.Generator().manual_seed(1)
    loss = raster.color.new_zeros(())
    for picture in (raster.color, raster.alpha, raster.depth, raster.normal):
        if picture is not None:
            weights = torch.randn(picture.shape, generator=draw, dtype=torch.float32).to(picture)
            loss = loss + (picture * weights).sum()
    loss.backward()
    gradients = {name: tensor.grad for name, tensor in learned.items()}
    gradients["means2d"] = raster.means2d.grad
    return raster, {name: torch.zeros(()) if g is None else g for name, g in gradients.items()}


def pictures(raster: Raster) -> dict[str, Tensor]:
    """All pictures of a raster by name, without gradients."""
    named = {"color": raster.color, "alpha": raster.alpha, "depth": raster.depth, "normal": raster.normal}
    return {name: x.detach() for name, x in named.items() if x is not None}


def difference(found: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest expected value; 0 for two empty or zero tensors."""
    if expected.numel() == 0:
        return 0.0
    gap = float((found.double() - expected.double()).abs().max())
    size = float(expected.abs().max())
    return gap / size if size > 0 else gap
