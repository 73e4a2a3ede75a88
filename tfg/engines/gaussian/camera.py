"""The camera and the constants that all three rasterisers share (gsplat 1.5.3's)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

BLUR = 0.3  # pixels^2 added to both eigenvalues of the projected covariance
ALPHA_MIN = 1.0 / 255.0  # a Gaussian touches the pixels where its alpha reaches this, and no other
ALPHA_MAX = 0.999
TRANSMITTANCE_MIN = 1e-4  # the first Gaussian that would bring a pixel to this or below is dropped, with all behind it
FRUSTUM_MARGIN = 1.3  # the Jacobian is evaluated no further out than this multiple of the half image


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera, OpenCV axes: u = focal * x / z + width / 2; the centre of the first pixel is (0.5, 0.5)."""

    rotation: Tensor  # (3, 3) x_camera = rotation @ x + translation
    translation: Tensor  # (3,)
    focal: float  # pixels
    width: int
    height: int
    near: float
    far: float
