"""The readable rasteriser in torch: any device, float32 or float64, gradients by autograd. It defines what the others compute.

Projection is the EWA splatting of 3DGS (Kerbl 2023, section 4), compositing its equation 3, conventions are gsplat 1.5.3's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tfg.engines.gaussian.base import (
    ALPHA_MAX,
    ALPHA_MIN,
    BLUR,
    FRUSTUM_MARGIN,
    TRANSMITTANCE_MIN,
    Pinhole,
    Raster,
    Splats,
)
from tfg.engines.harmonics import spherical_harmonics

TILE = 4  # pixels; the fastest of 4, 8 and 16 on two cores. The result does not depend on it
PORTION = 1 << 17  # (Gaussian, pixel) pairs worked on at a time: what the caches hold


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Gaussians as the picture sees them; rows of culled Gaussians (extent 0) hold no meaning."""

    means: Tensor  # (n, 2) pixels
    conics: Tensor  # (n, 3) inverse covariance xx, xy, yy, 1 / pixels^2
    opacities: Tensor  # (n,) after the antialias compensation
    depths: Tensor  # (n,) z in the camera
    normals: Tensor  # (n, 3) shortest axis, turned to the camera, in camera axes
    extents: Tensor  # (n, 2) int64 half width and height in pixels of the box where alpha reaches ALPHA_MIN; 0 = culled
    order: Tensor  # (visible,) indices of the Gaussians that are not culled, front to back; ties by index


def draw(splats: Splats) -> Raster:
    """The whole rasteriser."""
    camera = splats.camera
    projection = project(
        splats.means, splats.quats, splats.scales, splats.opacities, camera, antialias=splats.antialias
    )
    colors = splats.colors
    if splats.sh_degree is not None:
        colors = harmonic_colors(colors, splats.means, camera, splats.sh_degree)
    channels = colors.shape[1]
    features = [colors, projection.depths[:, None]] + ([projection.normals] if splats.with_normals else [])
    picture, alpha = composite(projection, torch.cat(features, 1), camera.width, camera.height)
    color = picture[..., :channels]
    if splats.background is not None:
        color = color + (1 - alpha)[..., None] * splats.background
    return Raster(
        color=color,
        alpha=alpha,
        depth=picture[..., channels],
        normal=picture[..., channels + 1 :] if splats.with_normals else None,
        means2d=projection.means,
        radii=projection.extents.amax(1).int(),
    )


def rotations(quats: Tensor) -> Tensor:
    """(n, 3, 3) of (n, 4) quaternions wxyz of any norm."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def project(
    means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, camera: Pinhole, *, antialias: bool
) -> Projection:
    """3D Gaussians to ellipses on the picture: covariance J R Sigma R^T J^T + BLUR, J the Jacobian of the pinhole at the mean."""
    in_camera = means @ camera.rotation.T + camera.translation
    depths = in_camera[:, 2]
    inside = (depths >= camera.near) & (depths <= camera.far)
    z = torch.where(inside, depths, 1.0)
    slope_x, slope_y = in_camera[:, 0] / z, in_camera[:, 1] / z
    half = means.new_tensor([camera.width / 2, camera.height / 2])
    projected = torch.stack([slope_x, slope_y], -1) * camera.focal + half

    limit_x = FRUSTUM_MARGIN * camera.width / 2 / camera.focal
    limit_y = FRUSTUM_MARGIN * camera.height / 2 / camera.focal
    scale = camera.focal / z
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [
            torch.stack([scale, zero, -scale * slope_x.clamp(-limit_x, limit_x)], -1),
            torch.stack([zero, scale, -scale * slope_y.clamp(-limit_y, limit_y)], -1),
        ],
        -2,
    )
    axes = camera.rotation @ rotations(quats)  # columns are the principal axes in the camera
    spread = jacobian @ (axes * scales[:, None, :])  # (n, 2, 3), covariance = spread spread^T
    xx = (spread[:, 0] * spread[:, 0]).sum(-1)
    xy = (spread[:, 0] * spread[:, 1]).sum(-1)
    yy = (spread[:, 1] * spread[:, 1]).sum(-1)
    # Lagrange's identity: unlike xx yy - xy^2 it does not cancel for long thin Gaussians
    sharp_determinant = torch.linalg.cross(spread[:, 0], spread[:, 1]).square().sum(-1)
    determinant = sharp_determinant + BLUR * (xx + yy) + BLUR * BLUR
    xx, yy = xx + BLUR, yy + BLUR
    conics = torch.stack([yy, -xy, xx], -1) / determinant[:, None]
    if antialias:
        opacities = opacities * (sharp_determinant / determinant).clamp_min(1e-12).sqrt()

    with torch.no_grad():
        reach = (2 * (opacities / ALPHA_MIN).clamp_min(1.0).log()).sqrt()
        extents = (reach[:, None] * torch.stack([xx, yy], -1).sqrt()).ceil()
        touching = ((projected + extents > 0) & (projected - extents < 2 * half)).all(-1)
        visible = inside & touching & (extents > 0).all(-1)
        extents = torch.where(visible[:, None], extents, 0.0).long()
        key = (means.double() @ camera.rotation[2].double() + camera.translation[2].double()).float()
        indices = visible.nonzero()[:, 0]
        order = indices[key[indices].argsort(stable=True)]
    normals = facing_normals(axes, scales, in_camera)
    return Projection(
        means=projected,
        conics=conics,
        opacities=opacities,
        depths=depths,
        normals=normals,
        extents=extents,
        order=order,
    )


def facing_normals(axes: Tensor, scales: Tensor, in_camera: Tensor) -> Tensor:
    """(n, 3) shortest of the principal `axes` (n, 3, 3, columns), turned to the camera; means (n, 3) in its axes."""
    shortest = scales.argmin(-1)[:, None, None].expand(-1, 3, 1)
    normals = axes.gather(2, shortest)[:, :, 0]
    away = (normals * in_camera).sum(-1, keepdim=True).detach() > 0
    return torch.where(away, -normals, normals)


def harmonic_colors(coefficients: Tensor, means: Tensor, camera: Pinhole, degree: int) -> Tensor:
    """(n, 3) colours max(0, 0.5 + sum_k c_k Y_k) of `coefficients` (n, k, 3) for the view from the camera's centre."""
    centre = -camera.rotation.T @ camera.translation
    directions = torch.nn.functional.normalize(means - centre, dim=-1)
    basis = spherical_harmonics(directions, degree + 1)
    return ((basis[:, :, None] * coefficients[:, : basis.shape[1]]).sum(1) + 0.5).clamp_min(0.0)


def composite(projection: Projection, features: Tensor, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Front-to-back alpha compositing: sum of weights * `features` (n, f) as (height, width, f), and alpha (height, width).

    weight_i = alpha_i prod_{j<i} (1 - alpha_j), but none from the first on that would leave TRANSMITTANCE_MIN or less.
    """
    across, down = -(-width // TILE), -(-height // TILE)
    padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
    done, blocks = [], []
    for tiles, gaussians in tile_lists(projection, across, down):
        alpha = alphas(projection, gaussians, tiles, across)
        left = (1 - alpha).cumprod(1)
        before = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], 1)
        weights = torch.where(left.detach() > TRANSMITTANCE_MIN, alpha * before, 0.0)
        gathered = padded[gaussians]
        gathered = torch.cat([gathered, torch.ones_like(gathered[:, :, :1])], -1)
        blocks.append(weights.transpose(1, 2) @ gathered)  # (tiles, pixels, f + 1)
        done.append(tiles)
    by_place = torch.cat(blocks)[torch.cat(done).argsort()]
    picture = by_place.reshape(down, across, TILE, TILE, -1).transpose(1, 2).reshape(down * TILE, across * TILE, -1)
    picture = picture[:height, :width]
    return picture[..., :-1], picture[..., -1]


def alphas(projection: Projection, gaussians: Tensor, tiles: Tensor, across: int) -> Tensor:
    """(tiles, longest, pixels) min(ALPHA_MAX, opacity exp(-d^T conic d / 2)), or 0 if below ALPHA_MIN, of listed Gaussians."""
    means = torch.nn.functional.pad(projection.means, (0, 0, 0, 1))[gaussians]  # index n is transparent
    a, b, c = torch.nn.functional.pad(projection.conics, (0, 0, 0, 1))[gaussians][..., None].unbind(2)
    opacities = torch.nn.functional.pad(projection.opacities, (0, 1))[gaussians][..., None]
    steps = torch.arange(TILE, device=means.device, dtype=means.dtype) + 0.5
    corner = torch.stack([tiles % across, tiles // across], -1) * TILE
    to_corner = (corner[:, None] - means)[..., None]  # (tiles, longest, 2, 1)
    dx = to_corner[:, :, 0] + steps.repeat(TILE)
    dy = to_corner[:, :, 1] + steps.repeat_interleave(TILE)
    power = -0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy
    alpha = (opacities * power.exp()).clamp_max(ALPHA_MAX)
    return torch.where(alpha >= ALPHA_MIN, alpha, 0.0)


def tile_lists(projection: Projection, across: int, down: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Portions of tiles (t,) with their Gaussians (t, longest) front to back, n = none; tiles with lists of similar length
    together, so that little is padded."""
    tiles, gaussians = _pairs(projection, across, down)
    gaussians = torch.cat([gaussians, gaussians.new_tensor([len(projection.means)])])
    counts = torch.bincount(tiles, minlength=across * down)
    starts = counts.cumsum(0) - counts
    busiest = counts.argsort(descending=True, stable=True)
    first = 0
    while first < len(busiest):
        longest = max(int(counts[busiest[first]]), 1)
        portion = busiest[first : first + max(1, PORTION // (longest * TILE * TILE))]
        first += len(portion)
        place = torch.arange(longest, device=tiles.device)[None, :].expand(len(portion), -1)
        listed = torch.where(place < counts[portion, None], starts[portion, None] + place, len(gaussians) - 1)
        yield portion, gaussians[listed]


def _pairs(projection: Projection, across: int, down: int) -> tuple[Tensor, Tensor]:
    """(pairs,) tile and (pairs,) Gaussian, by tile, then front to back."""
    order = projection.order
    means, extents = projection.means.detach()[order], projection.extents[order]
    limit = torch.tensor([across, down], device=order.device)
    low = ((means - extents) / TILE).floor().long().clamp_min(0).minimum(limit)
    high = ((means + extents) / TILE).ceil().long().clamp_min(0).minimum(limit)
    size = high - low
    counts = size.prod(-1)
    owner = torch.arange(len(order), device=order.device).repeat_interleave(counts)
    place = torch.arange(len(owner), device=order.device) - (counts.cumsum(0) - counts)[owner]
    x = low[owner, 0] + place % size[owner, 0]
    y = low[owner, 1] + place // size[owner, 0]
    tiles, by_tile = (y * across + x).sort(stable=True)
    return tiles, order[owner[by_tile]]
