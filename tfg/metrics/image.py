"""PSNR and SSIM on uint8 pictures, full frame, face box and mouth box, from one error map and one SSIM map a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics import regions
from tfg.metrics.base import MEAN_RULE, Chunk, MetricFacts, Outcome, PerFrame, ScoredVideo, mean
from tfg.types import Bytes, Floats, InputError

WINDOW, SIGMA = 11, 1.5
EDGE = WINDOW // 2
STRIP = 32  # rows at once, so that the pieces of a frame stay in the processor's cache
PSNR = "mean over frames of 10 log10(1 / MSE), RGB in [0, 1] of uint8 pictures"
SSIM = (
    "mean over frames, windows and channels of SSIM, 11x11 Gaussian window of sigma 1.5, data range 1, k1 0.01, k2 0.03, "
    "windows inside the region only, uint8 RGB pictures"
)
REGIONS = {"": regions.FULL_FRAME, "_face": regions.FACE_BOX, "_mouth": regions.MOUTH_BOX}


def as_bytes(images: NDArray[Any]) -> Bytes:
    """uint8 as it is; floats in [0, 1] rounded to it. Any other range is an InputError, never a guess."""
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise InputError(f"pictures of type {images.dtype}: give uint8 in [0, 255] or floats in [0, 1]")
    low, high = float(images.min(initial=0.0)), float(images.max(initial=0.0))
    if not (low >= 0.0 and high <= 1.0):  # also NaN
        raise InputError(f"pictures in [{low:.4g}, {high:.4g}]: floats must lie in [0, 1]; divide by 255 or give uint8")
    return np.round(images * 255).astype(np.uint8)


def psnr(prediction: NDArray[Any], truth: NDArray[Any]) -> PerFrame:
    """(n, h, w, 3) twice, uint8 or floats in [0, 1] -> (n,) dB; identical frames give inf."""
    pairs = zip(as_bytes(prediction), as_bytes(truth), strict=True)
    return np.array([_decibel(_squared(made, true)) for made, true in pairs])


def ssim(prediction: NDArray[Any], truth: NDArray[Any]) -> PerFrame:
    """(n, h, w, 3) twice, uint8 or floats in [0, 1], at least 11 pixels each way -> (n,) in [-1, 1]."""
    pairs = zip(as_bytes(prediction), as_bytes(truth), strict=True)
    return np.array([float(ssim_map(made, true).mean(dtype=np.float64)) for made, true in pairs])


def ssim_map(made: Bytes, true: Bytes) -> Floats:
    """SSIM of every window that lies in the picture: (h, w, 3) twice -> (h - 10, w - 10, 3)."""
    height, width = true.shape[:2]
    similarity = np.empty((height - 2 * EDGE, width - 2 * EDGE, 3), np.float32)
    for top in range(0, len(similarity), STRIP):
        rows = slice(top, top + STRIP + 2 * EDGE)
        similarity[top : top + STRIP] = _strip(made[rows], true[rows])
    return similarity


def _strip(made: Bytes, true: Bytes) -> Floats:
    import cv2

    def blur(picture: Floats) -> Any:
        return cv2.GaussianBlur(picture, (WINDOW, WINDOW), SIGMA)[EDGE:-EDGE, EDGE:-EDGE]

    # Centred at mid grey: variances are differences of squares, and smaller squares lose fewer digits of float32.
    x, y = (picture * np.float32(1 / 255) - np.float32(0.5) for picture in (made, true))
    x_mean, y_mean = blur(x), blur(y)
    xy_mean, squares = x_mean * y_mean, x_mean * x_mean + y_mean * y_mean
    variances, covariance = blur(x * x + y * y) - squares, blur(x * y) - xy_mean
    c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
    # The means in [0, 1] are those here plus 1/2.
    half = np.float32(0.5) * (x_mean + y_mean) + np.float32(0.25)
    return ((2 * (xy_mean + half) + c1) * (2 * covariance + c2)) / ((squares + 2 * half + c1) * (variances + c2))


@dataclass(frozen=True, kw_only=True)
class ImageQuality:
    """Metric: psnr and ssim of the full frame, the face box and the mouth box."""

    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "psnr": MetricFacts(title="PSNR", unit="dB", better="up", digits=2),
        "psnr_face": MetricFacts(title="PSNR face", unit="dB", better="up", digits=2),
        "psnr_mouth": MetricFacts(title="PSNR mouth", unit="dB", better="up", digits=2),
        "ssim": MetricFacts(title="SSIM", better="up", digits=4),
        "ssim_face": MetricFacts(title="SSIM face", better="up", digits=4),
        "ssim_mouth": MetricFacts(title="SSIM mouth", better="up", digits=4),
    }
    names: tuple[str, ...] = tuple(f"{name}{region}" for name in ("psnr", "ssim") for region in REGIONS)
    needs: tuple[str, ...] = ("truth", "chunks")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        assert chunk.truth is not None
        rows = [
            _regions(made, true, face, mouth)
            for made, true, face, mouth in zip(
                chunk.prediction, chunk.truth, chunk.face_boxes, chunk.mouth_boxes, strict=True
            )
        ]
        return dict(zip(self.names, np.array(rows).reshape(-1, len(self.names)).T, strict=True))

    def define(self, video: ScoredVideo) -> dict[str, str]:
        formulas = {"psnr": f"{PSNR}; {MEAN_RULE}", "ssim": SSIM}
        return {
            f"{name}{region}": f"{formula}; {where}"
            for name, formula in formulas.items()
            for region, where in REGIONS.items()
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        return {name: mean(rows[name]) for name in self.names}


def _regions(made: Bytes, true: Bytes, face: regions.Boxes, mouth: regions.Boxes) -> list[float]:
    """psnr, psnr_face, psnr_mouth, ssim, ssim_face, ssim_mouth of one frame."""
    height, width = true.shape[:2]
    boxes = [(0, 0, width, height), *(tuple(int(v) for v in box) for box in (face, mouth))]
    error = _squared(made, true)
    decibels = [_decibel(error[t:b, l:r]) for l, t, r, b in boxes]  # noqa: E741
    if min(height, width) < WINDOW:
        return [*decibels, np.nan, np.nan, np.nan]
    similarity = ssim_map(made, true)
    # A window inside a box has its centre at least 5 pixels inside it; a box of zeros holds none.
    windows = [similarity[t : max(0, b - 2 * EDGE), l : max(0, r - 2 * EDGE)] for l, t, r, b in boxes]  # noqa: E741
    return [*decibels, *(float(part.mean(dtype=np.float64)) if part.size else np.nan for part in windows)]


def _squared(made: Bytes, true: Bytes) -> NDArray[np.int32]:
    difference = made.astype(np.int16) - true
    return np.square(difference, dtype=np.int32)


def _decibel(squared: NDArray[np.int32]) -> float:
    """10 log10(255^2 / mean); NaN of an empty region."""
    if not squared.size:
        return np.nan
    error = float(squared.mean(dtype=np.float64)) / 255.0**2
    return float("inf") if error == 0 else -10.0 * float(np.log10(error))
