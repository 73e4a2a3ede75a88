"""`rasterize`: 3D Gaussians to a picture, differentiable, by the chosen engine. The maths is written in `twin.py`."""

from __future__ import annotations

import functools
import sys

import torch
from torch import Tensor

from tfg.engines.choose import resolve_engine
from tfg.engines.gaussian import cpu, cuda, twin
from tfg.engines.gaussian.base import Pinhole, Raster, Splats
from tfg.types import InputError

MAX_DEGREE = 3  # of the harmonics


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
    A Gaussian touches exactly the pixels where its alpha reaches 1/255: boxes and tiles never change the picture. The cpu engine
    gives the same bits, gradients included, for any number of threads.
    """
    camera = Pinhole(
        rotation=rotation, translation=translation, focal=focal, width=width, height=height, near=near, far=far
    )
    splats = Splats(
        means=means,
        quats=quats,
        scales=scales,
        opacities=opacities,
        colors=colors,
        background=background,
        sh_degree=sh_degree,
        antialias=antialias,
        with_normals=with_normals,
        camera=camera,
    )
    tensors = _tensors(splats)
    _check_camera(camera)
    _check_shapes(splats)
    for name, tensor in tensors.items():
        if tensor.dtype != means.dtype or tensor.device != means.device:
            raise InputError(f"{name} is {tensor.dtype} on {tensor.device}, means is {means.dtype} on {means.device}")
    chosen = resolve_engine(engine, means.device, means.dtype)
    if chosen == "cuda" and not cuda.available():
        if engine == "cuda":
            raise InputError("engine=cuda: the rasteriser needs gsplat; pip install gsplat==1.5.3, or engine=torch")
        chosen = _twin_on_cuda()
    _check_finite(tensors, chosen)
    return {"torch": twin.draw, "cpu": cpu.draw, "cuda": cuda.draw}[chosen](splats)


@functools.cache
def _twin_on_cuda() -> str:
    print(
        "tfg.engines: gsplat is not installed, the rasteriser uses torch (pip install gsplat==1.5.3)", file=sys.stderr
    )
    return "torch"


def _check_finite(tensors: dict[str, Tensor], engine: str) -> None:
    if engine == "cpu":
        first = cpu.not_finite(list(tensors.values()))
    else:  # one wait for the device, not one a tensor
        finite = torch.stack([torch.isfinite(tensor).all() for tensor in tensors.values()]).tolist()
        first = None if all(finite) else finite.index(False)
    if first is not None:
        raise InputError(f"{list(tensors)[first]} holds NaN or infinity")


def _tensors(splats: Splats) -> dict[str, Tensor]:
    named = {name: getattr(splats, name) for name in ("means", "quats", "scales", "opacities", "colors", "background")}
    named |= {"rotation": splats.camera.rotation, "translation": splats.camera.translation}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def _check_shapes(splats: Splats) -> None:
    n = len(splats.means) if splats.means.ndim else 0
    shapes: dict[str, tuple[int, ...]] = {"means": (n, 3), "quats": (n, 4), "scales": (n, 3), "opacities": (n,)}
    for name, shape in shapes.items():
        if tuple(getattr(splats, name).shape) != shape:
            raise InputError(f"{name} has shape {tuple(getattr(splats, name).shape)}, should be {shape}")
    given = tuple(splats.colors.shape)
    if splats.sh_degree is None:
        if len(given) != 2 or given[0] != n or given[1] < 1:
            raise InputError(f"colors has shape {given}, should be ({n}, channels); or give sh_degree")
        channels = given[1]
    else:
        if not 0 <= splats.sh_degree <= MAX_DEGREE:
            raise InputError(f"sh_degree={splats.sh_degree} should be 0 to {MAX_DEGREE}")
        least = (splats.sh_degree + 1) ** 2
        if len(given) != 3 or given[0] != n or given[1] < least or given[2] != 3:
            raise InputError(f"colors has shape {given}, should be ({n}, {least} or more, 3)")
        channels = 3
    whole, flat = (splats.camera.height, splats.camera.width, channels), (channels,)
    if splats.background is not None and tuple(splats.background.shape) not in (whole, flat):
        raise InputError(f"background has shape {tuple(splats.background.shape)}, should be {whole} or {flat}")


def _check_camera(camera: Pinhole) -> None:
    if tuple(camera.rotation.shape) != (3, 3) or tuple(camera.translation.shape) != (3,):
        raise InputError("rotation should be (3, 3) and translation (3,): one camera")
    if camera.rotation.requires_grad or camera.translation.requires_grad:
        raise InputError("rotation and translation get no gradient: detach() them")
    if camera.width < 1 or camera.height < 1:
        raise InputError(f"width={camera.width}, height={camera.height}: should be at least 1 pixel")
    if not 0 < camera.near < camera.far:
        raise InputError(f"near={camera.near}, far={camera.far}: should be 0 < near < far")
    if not camera.focal > 0:
        raise InputError(f"focal={camera.focal} should be positive (pixels)")
