"""`rasterize`: 3D Gaussians to a picture, differentiable, by the engine asked for. The maths is written in `twin.py`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tfg.engines.choose import resolve_engine
from tfg.engines.gaussian import cpu, twin
from tfg.engines.gaussian.camera import Camera
from tfg.types import InputError

MAX_DEGREE = 3  # of the harmonics


@dataclass(frozen=True)
class Raster:
    """What was drawn. `means2d.retain_grad()` before backward; its grad is then the screen-space gradient for densification."""

    color: Tensor  # (height, width, channels) with the background behind
    alpha: Tensor  # (height, width) in [0, 1)
    depth: Tensor  # (height, width) accumulated: sum of weight * z, head units; 0 where nothing is
    normal: (
        Tensor | None
    )  # (height, width, 3) sum of weight * shortest axis, facing the camera, camera axes; only if asked for
    means2d: Tensor  # (n, 2) pixels; in the graph between the Gaussians and the picture
    radii: Tensor  # (n,) int32 pixels, the larger half side of the box a Gaussian touches; 0 when culled

    @property
    def expected_depth(self) -> Tensor:
        """(height, width) depth / alpha, head units; 0 where nothing is."""
        return self.depth / self.alpha.clamp_min(1e-10)


def rasterize(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    *,
    rotation: Tensor,
    translation: Tensor,
    focal: float,
    width: int,
    height: int,
    background: Tensor | None = None,
    sh_degree: int | None = None,
    antialias: bool = False,
    with_normals: bool = False,
    near: float = 0.01,
    far: float = 100.0,
    engine: str = "auto",
) -> Raster:
    """Draw n Gaussians as one pinhole camera sees them, over `background`.

    means (n, 3) in the frame that `rotation` (3, 3) and `translation` (3,) bring into the camera (x_camera = rotation @ x +
    translation, OpenCV axes); quats (n, 4) wxyz of any norm; scales (n, 3) standard deviations, activated; opacities (n,) in
    [0, 1]; colors (n, channels), or with `sh_degree` the harmonic coefficients (n, k, 3), of which the first
    (sh_degree + 1)^2 count and colour = max(0, 0.5 + sum). background (height, width, channels) or (channels,); None is black.

    Gradients reach means, quats, scales, opacities, colors (from harmonics the means as well, through the view direction) and
    background; the camera has none. Conventions of gsplat 1.5.3: 0.3 px^2 blur, alpha in [1/255, 0.999], nothing behind a
    transmittance of 1e-4, depth ties in order of index; `antialias` scales opacity by the blur's loss of density (Mip-Splatting).
    A Gaussian touches exactly the pixels where its alpha reaches 1/255: boxes and tiles never change the picture.
    """
    camera = Camera(
        rotation=rotation, translation=translation, focal=focal, width=width, height=height, near=near, far=far
    )
    inputs = {"means": means, "quats": quats, "scales": scales, "opacities": opacities, "colors": colors}
    _check(inputs, background, camera, sh_degree)
    chosen = resolve_engine(engine, means.device, means.dtype)
    finite = inputs if background is None else inputs | {"background": background}
    for name, tensor in finite.items():
        if not (cpu.finite(tensor) if chosen == "cpu" else bool(torch.isfinite(tensor).all())):
            raise InputError(f"{name} holds NaN or infinity")
    draw = {"torch": _torch, "cpu": _cpu}[chosen]
    return draw(inputs, background, camera, sh_degree, antialias, with_normals)


def _torch(
    inputs: dict[str, Tensor],
    background: Tensor | None,
    camera: Camera,
    sh_degree: int | None,
    antialias: bool,
    with_normals: bool,
) -> Raster:
    means, quats, scales, opacities, colors = inputs.values()
    projection = twin.project(means, quats, scales, opacities, camera, antialias=antialias)
    if sh_degree is not None:
        colors = twin.harmonic_colors(colors, means, camera, sh_degree)
    channels = colors.shape[1]
    features = [colors, projection.depths[:, None]] + ([projection.normals] if with_normals else [])
    picture, alpha = twin.composite(projection, torch.cat(features, 1), camera.width, camera.height)
    color = picture[..., :channels]
    if background is not None:
        color = color + (1 - alpha)[..., None] * background
    return Raster(
        color=color,
        alpha=alpha,
        depth=picture[..., channels],
        normal=picture[..., channels + 1 :] if with_normals else None,
        means2d=projection.means,
        radii=projection.extents.amax(1).int(),
    )


def _cpu(
    inputs: dict[str, Tensor],
    background: Tensor | None,
    camera: Camera,
    sh_degree: int | None,
    antialias: bool,
    with_normals: bool,
) -> Raster:
    colors = inputs["colors"]
    coefficients = None if sh_degree is None else colors
    settings = cpu.c_camera(
        camera,
        antialias=antialias,
        coefficients=0 if coefficients is None else coefficients.shape[1],
        degree=sh_degree,
    )
    geometry = [inputs[name] for name in ("means", "quats", "scales", "opacities")]
    ellipses = cpu.Project.apply(settings, with_normals, *geometry, coefficients)
    means2d, roots, strengths, depths, normals, rgb, radii = ellipses
    drawn = (means2d, roots, strengths, depths, normals, colors if rgb is None else rgb)
    color, alpha, depth, normal = cpu.Composite.apply(camera.width, camera.height, radii, background, *drawn)
    return Raster(color=color, alpha=alpha, depth=depth, normal=normal, means2d=means2d, radii=radii)


def _check(inputs: dict[str, Tensor], background: Tensor | None, camera: Camera, sh_degree: int | None) -> None:
    means, colors = inputs["means"], inputs["colors"]
    n = means.shape[0] if means.ndim else 0
    shapes: dict[str, tuple[int, ...]] = {"means": (n, 3), "quats": (n, 4), "scales": (n, 3), "opacities": (n,)}
    for name, shape in shapes.items():
        if tuple(inputs[name].shape) != shape:
            raise InputError(f"{name} has shape {tuple(inputs[name].shape)}, should be {shape}")
    if sh_degree is None:
        if colors.ndim != 2 or colors.shape[0] != n or colors.shape[1] < 1:
            raise InputError(f"colors has shape {tuple(colors.shape)}, should be ({n}, channels); or give sh_degree")
        channels = colors.shape[1]
    else:
        if not 0 <= sh_degree <= MAX_DEGREE:
            raise InputError(f"sh_degree={sh_degree} should be 0 to {MAX_DEGREE}")
        least = (sh_degree + 1) ** 2
        if colors.ndim != 3 or colors.shape[0] != n or colors.shape[1] < least or colors.shape[2] != 3:
            raise InputError(f"colors has shape {tuple(colors.shape)}, should be ({n}, {least} or more, 3)")
        channels = 3
    whole, flat = (camera.height, camera.width, channels), (channels,)
    if background is not None and tuple(background.shape) not in (whole, flat):
        raise InputError(f"background has shape {tuple(background.shape)}, should be {whole} or {flat}")
    if camera.rotation.shape != (3, 3) or camera.translation.shape != (3,):
        raise InputError("rotation should be (3, 3) and translation (3,): one camera")
    if camera.rotation.requires_grad or camera.translation.requires_grad:
        raise InputError("rotation and translation get no gradient: detach() them")
    if camera.width < 1 or camera.height < 1:
        raise InputError(f"width={camera.width}, height={camera.height}: should be at least 1 pixel")
    if not 0 < camera.near < camera.far:
        raise InputError(f"near={camera.near}, far={camera.far}: should be 0 < near < far")
    if not camera.focal > 0:
        raise InputError(f"focal={camera.focal} should be positive (pixels)")
    others = {**inputs, "rotation": camera.rotation, "translation": camera.translation}
    if background is not None:
        others["background"] = background
    for name, tensor in others.items():
        if tensor.dtype != means.dtype or tensor.device != means.device:
            raise InputError(f"{name} is {tensor.dtype} on {tensor.device}, means is {means.dtype} on {means.device}")
