"""gsplat 1.5.3's own pure-torch rasteriser, its two CUDA-only helpers replaced. Holds no tests; needs gsplat importable."""

import sys
import types

import torch
from torch import Tensor

from tfg.engines.gaussian import twin
from tfg.engines.gaussian.base import TRANSMITTANCE_MIN


def intersections(ellipses: twin.Projection, width: int, height: int) -> tuple[Tensor, Tensor]:
    """(m,) Gaussian and (m,) pixel of all that gsplat's `rasterize_to_indices_in_range` lists: pixel after pixel, front to back."""
    across, down = -(-width // twin.TILE), -(-height // twin.TILE)
    gaussians, pixels = [], []
    with torch.no_grad():
        for tiles, listed in twin.tile_lists(ellipses, across, down):
            alpha = twin.alphas(ellipses, listed, tiles, across)
            composited = (alpha > 0) & ((1 - alpha).cumprod(1) > TRANSMITTANCE_MIN)
            tile, place_in_tile, place = composited.transpose(1, 2).nonzero(as_tuple=True)
            x = tiles[tile] % across * twin.TILE + place_in_tile % twin.TILE
            y = tiles[tile] // across * twin.TILE + place_in_tile // twin.TILE
            inside = (x < width) & (y < height)
            gaussians.append(listed[tile, place][inside])
            pixels.append((y * width + x)[inside])
    return torch.cat(gaussians), torch.cat(pixels)


def render_weight_from_alpha(alphas: Tensor, *, ray_indices: Tensor, n_rays: int) -> tuple[Tensor, Tensor]:
    """nerfacc's function of this name for packed rays: alpha times the product of (1 - alpha) before it on its ray."""
    logs = torch.log1p(-alphas)
    before = logs.double().cumsum(0) - logs  # on all rays so far
    place = torch.arange(len(alphas))
    starts = torch.ones_like(place, dtype=torch.bool)
    starts[1:] = ray_indices[1:] != ray_indices[:-1]
    first = torch.where(starts, place, 0).cummax(0).values
    transmittance = (before - before[first]).exp().to(alphas.dtype)
    return alphas * transmittance, transmittance


def accumulate_along_rays(weights: Tensor, values: Tensor | None, *, ray_indices: Tensor, n_rays: int) -> Tensor:
    """nerfacc's function of this name."""
    source = weights[:, None] if values is None else weights[:, None] * values
    return source.new_zeros(n_rays, source.shape[1]).index_add(0, ray_indices, source)


def accumulate(
    means: Tensor, conics: Tensor, opacities: Tensor, colors: Tensor, listed: tuple, width: int, height: int
) -> tuple:
    """gsplat's `accumulate` over the listed (Gaussian, pixel) pairs: (height, width, channels) and (height, width)."""
    from gsplat.cuda import _torch_impl

    stand_in = types.ModuleType("nerfacc")
    stand_in.accumulate_along_rays = accumulate_along_rays  # type: ignore[attr-defined]
    stand_in.render_weight_from_alpha = render_weight_from_alpha  # type: ignore[attr-defined]
    before = sys.modules.get("nerfacc")
    sys.modules["nerfacc"] = stand_in
    try:
        gaussians, pixels = listed
        picture, alpha = _torch_impl.accumulate(
            means[None],
            conics[None],
            opacities[None],
            colors[None],
            gaussians,
            pixels,
            torch.zeros_like(pixels),
            width,
            height,
        )
    finally:
        del sys.modules["nerfacc"]
        if before is not None:
            sys.modules["nerfacc"] = before
    return picture[0], alpha[0, :, :, 0]


def draw(given: dict, *, antialias: bool = False) -> dict[str, Tensor]:
    """Colour over the background, alpha, means2d and conics of the arguments of `rasterize`, all through gsplat's torch code."""
    from gsplat.cuda import _torch_impl

    width, height, focal = given["width"], given["height"], given["focal"]
    view = torch.eye(4, dtype=given["means"].dtype)
    view[:3, :3], view[:3, 3] = given["rotation"], given["translation"]
    intrinsics = view.new_tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    covariances, _ = _torch_impl._quat_scale_to_covar_preci(given["quats"], given["scales"], compute_preci=False)
    radii, means2d, depths, conics, kept = _torch_impl._fully_fused_projection(
        given["means"],
        covariances,
        view[None],
        intrinsics[None],
        width,
        height,
        calc_compensations=antialias,
        far_plane=100.0,
    )
    visible = (radii[0] > 0).all(-1).nonzero()[:, 0]
    order = visible[depths[0, visible].argsort(stable=True)]
    opacities = given["opacities"] * kept[0] if antialias else given["opacities"]
    colors = given["colors"]
    if given["sh_degree"] is not None:
        centre = torch.linalg.inv(view)[:3, 3]
        colors = _torch_impl._spherical_harmonics(given["sh_degree"], given["means"] - centre, colors)
        colors = (colors + 0.5).clamp_min(0.0)
    parts = {"means": means2d[0], "conics": conics[0], "opacities": opacities, "depths": depths[0]}
    ellipses = twin.Projection(**parts, normals=means2d[0], extents=radii[0].long(), order=order)
    listed = intersections(ellipses, width, height)
    picture, alpha = accumulate(means2d[0], conics[0], opacities, colors, listed, width, height)
    color = picture + (1 - alpha)[..., None] * given["background"]
    return {"color": color, "alpha": alpha, "means2d": means2d[0], "conics": conics[0], "order": order}


def projected(given: dict) -> tuple[twin.Projection, Tensor]:
    """Our ellipses and colours of a scene, without gradients: what both compositors are given in the benchmark."""
    from tfg.engines.gaussian.base import Pinhole

    camera = Pinhole(
        **{name: given[name] for name in ("rotation", "translation", "focal", "width", "height")}, near=0.01, far=100.0
    )
    with torch.no_grad():
        ellipses = twin.project(
            given["means"], given["quats"], given["scales"], given["opacities"], camera, antialias=False
        )
        return ellipses, twin.harmonic_colors(given["colors"], given["means"], camera, given["sh_degree"])
