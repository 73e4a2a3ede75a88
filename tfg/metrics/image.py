"""PSNR and SSIM on uint8-rounded pictures held in memory, on any region; batched, means of per-frame values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.types import Bytes, Floats

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
PSNR_DEFINITION = "mean over frames of 10 log10(1 / MSE), RGB in [0, 1] of uint8-rounded pictures in memory"
SSIM_DEFINITION = (
    "mean over frames and channels of SSIM, 11x11 Gaussian window of sigma 1.5, data range 1, k1 0.01, k2 0.03, "
    "windows inside the region only, uint8-rounded RGB pictures in memory"
)


def psnr(prediction: Bytes, truth: Bytes) -> NDArray[np.float64]:
    """(n, h, w, 3) uint8 twice -> (n,) dB; identical frames give inf."""
    error = np.square(prediction.astype(np.float64) - truth).mean(axis=(1, 2, 3)) / 255.0**2
    with np.errstate(divide="ignore"):
        return -10.0 * np.log10(error)


def ssim(prediction: Bytes, truth: Bytes) -> NDArray[np.float64]:
    """(n, h, w, 3) uint8 twice, at least 11 pixels each way -> (n,) in [-1, 1]."""
    return np.array([_ssim(made, true) for made, true in zip(prediction, truth, strict=True)])


def _ssim(made: Bytes, true: Bytes) -> float:
    import cv2

    edge = SSIM_WINDOW // 2

    def blur(picture: NDArray[np.float64]) -> np.ndarray:
        """Windows inside the picture only."""
        return cv2.GaussianBlur(picture, (SSIM_WINDOW, SSIM_WINDOW), SSIM_SIGMA)[edge:-edge, edge:-edge]

    x, y = made / 255.0, true / 255.0
    mean_x, mean_y = blur(x), blur(y)
    variance_x, variance_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    bottom = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((top / bottom).mean())


def face_box(landmarks: Floats, size: int, margin: float = 0.1) -> tuple[int, int, int, int]:
    """One box (left, top, right, bottom) around all true landmarks of one frame, enlarged by `margin` of its height.

    Clipped to the picture and never narrower than SSIM's window.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    grow = margin * (high[1] - low[1])
    left, top = np.floor(low - grow).astype(int)
    right, bottom = np.ceil(high + grow).astype(int)
    left, top = (int(np.clip(value, 0, size - SSIM_WINDOW)) for value in (left, top))
    right, bottom = int(np.clip(right, left + SSIM_WINDOW, size)), int(np.clip(bottom, top + SSIM_WINDOW, size))
    return left, top, right, bottom


def on_boxes(measure, prediction: Bytes, truth: Bytes, boxes: list[tuple[int, int, int, int]]) -> NDArray[np.float64]:
    """A per-frame measure on each frame's own box -> (n,)."""
    values = []
    for made, true, (left, top, right, bottom) in zip(prediction, truth, boxes, strict=True):
        values.append(measure(made[None, top:bottom, left:right], true[None, top:bottom, left:right])[0])
    return np.array(values)


def finite_mean(values: NDArray[np.float64]) -> float:
    """Mean where infinite values (identical frames) count as 100 dB, the stated rule for PSNR."""
    return float(np.where(np.isinf(values), 100.0, values).mean())
