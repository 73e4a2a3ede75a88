"""gsplat 1.5.3's CUDA kernels behind our `rasterize`; float32 on a CUDA device. gsplat compiles them at first use (minutes)."""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor

from tfg.engines.gaussian import twin
from tfg.engines.gaussian.base import BLUR, Raster, Splats

TILE = 16  # pixels
CHANNELS_AT_ONCE = 32  # more in one pass spill out of the registers


def available() -> bool:
    """Whether gsplat is installed."""
    return importlib.util.find_spec("gsplat") is not None


def draw(splats: Splats) -> Raster:
    """The whole rasteriser. gsplat refuses an empty cloud: the twin draws that one."""
    if len(splats.means) == 0:
        return twin.draw(splats)
    from gsplat import fully_fused_projection, spherical_harmonics

    camera = splats.camera
    width, height = camera.width, camera.height
    view = torch.eye(4, device=splats.means.device)
    view[:3, :3], view[:3, 3] = camera.rotation, camera.translation
    intrinsics = torch.tensor(
        [[camera.focal, 0.0, width / 2], [0.0, camera.focal, height / 2], [0.0, 0.0, 1.0]], device=view.device
    )
    radii, means2d, depths, conics, kept = fully_fused_projection(
        splats.means.contiguous(),
        None,
        splats.quats.contiguous(),
        splats.scales.contiguous(),
        view[None],
        intrinsics[None],
        width,
        height,
        eps2d=BLUR,
        near_plane=camera.near,
        far_plane=camera.far,
        calc_compensations=splats.antialias,
        opacities=splats.opacities.contiguous(),
    )
    visible = (radii[0] > 0).all(-1)
    means2d = means2d[0]  # this very tensor goes on, so that its gradient can be retained
    opacities = splats.opacities if kept is None else splats.opacities * kept[0]
    colors = splats.colors
    if splats.sh_degree is not None:
        centre = -camera.rotation.T @ camera.translation
        colors = spherical_harmonics(splats.sh_degree, splats.means - centre, colors, masks=visible)
        colors = (colors + 0.5).clamp_min(0.0)
    channels = colors.shape[1]
    features = [colors, depths[0][:, None]]
    if splats.with_normals:
        in_camera = splats.means @ camera.rotation.T + camera.translation
        axes = camera.rotation @ twin.rotations(splats.quats)
        features.append(twin.facing_normals(axes, splats.scales, in_camera))
    picture, alpha = _composite(
        means2d, conics[0], torch.cat(features, 1), opacities, radii[0], depths[0], width, height
    )
    color = picture[..., :channels]
    if splats.background is not None:
        color = color + (1 - alpha)[..., None] * splats.background
    return Raster(
        color=color,
        alpha=alpha,
        depth=picture[..., channels],
        normal=picture[..., channels + 1 :] if splats.with_normals else None,
        means2d=means2d,
        radii=torch.where(visible, radii[0].amax(-1), 0).int(),
    )


def _composite(
    means2d: Tensor,  # (n, 2)
    conics: Tensor,  # (n, 3)
    features: Tensor,  # (n, f)
    opacities: Tensor,  # (n,)
    radii: Tensor,  # (n, 2)
    depths: Tensor,  # (n,)
    width: int,
    height: int,
) -> tuple[Tensor, Tensor]:
    """(height, width, f) and (height, width), over black."""
    from gsplat import isect_offset_encode, isect_tiles, rasterize_to_pixels

    across, down = -(-width // TILE), -(-height // TILE)
    with torch.no_grad():
        _, pairs, gaussians = isect_tiles(means2d[None], radii[None], depths[None], TILE, across, down)
        offsets = isect_offset_encode(pairs, 1, across, down).reshape(1, down, across)
    pictures, alpha = [], None
    for part in features.split(CHANNELS_AT_ONCE, dim=1):
        picture, covered = rasterize_to_pixels(
            means2d[None], conics[None], part[None], opacities[None], width, height, TILE, offsets, gaussians
        )
        pictures.append(picture[0])
        alpha = covered[0, :, :, 0] if alpha is None else alpha
    assert alpha is not None
    return torch.cat(pictures, -1), alpha
