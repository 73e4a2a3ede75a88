"""What all three rasterisers share: the Splats to draw, the Raster that comes of them, the constants (gsplat 1.5.3's)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

BLUR = 0.3  # pixels^2 added to both eigenvalues of the projected covariance
ALPHA_MIN = 1.0 / 255.0  # a Gaussian touches the pixels where its alpha reaches this, and no other
ALPHA_MAX = 0.999
TRANSMITTANCE_MIN = 1e-4  # the first Gaussian that would bring a pixel to this or below is dropped, with all behind it
FRUSTUM_MARGIN = 1.3  # the Jacobian is evaluated no further out than this multiple of the half image


@dataclass(frozen=True, kw_only=True)
class Pinhole:
    """A pinhole camera, OpenCV axes: u = focal * x / z + width / 2; the centre of the first pixel is (0.5, 0.5)."""

    rotation: Tensor  # (3, 3) x_camera = rotation @ x + translation
    translation: Tensor  # (3,)
    focal: float  # pixels
    width: int
    height: int
    near: float
    far: float


@dataclass(frozen=True, kw_only=True)
class Splats:
    """3D Gaussians, what is behind them and the camera: the checked arguments of `rasterize`, of one dtype on one device."""

    means: Tensor  # (n, 3)
    quats: Tensor  # (n, 4) wxyz, any norm
    scales: Tensor  # (n, 3)
    opacities: Tensor  # (n,)
    colors: Tensor  # (n, channels), or (n, k, 3) harmonic coefficients with sh_degree
    background: Tensor | None  # (height, width, channels) or (channels,)
    sh_degree: int | None
    antialias: bool
    with_normals: bool
    camera: Pinhole


@dataclass(frozen=True, kw_only=True)
class Raster:
    """What was drawn. `means2d.retain_grad()` before backward; its grad is then the screen-space gradient for densification."""

    color: Tensor  # (height, width, channels) with the background behind
    alpha: Tensor  # (height, width) in [0, 1)
    depth: Tensor  # (height, width) accumulated: sum of weight * z, head units; 0 where nothing is
    # (height, width, 3) sum of weight * shortest axis, facing the camera, camera axes; None without `with_normals`
    normal: Tensor | None
    means2d: Tensor  # (n, 2) pixels; in the graph between the Gaussians and the picture
    radii: Tensor  # (n,) int32 pixels, the larger half side of the box a Gaussian touches; 0 when culled
