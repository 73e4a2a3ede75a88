"""A landmark reader for one person that needs no pretrained weights: ridge regression from an aligned picture of the mouth.

Meant for clips whose landmarks are known (the embedded clip): it is fitted on their training part and then reads
renderings and truth alike. The place of the head is given (the pose that was rendered); lips and jaw are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.landmarks import ANCHORS, LOWER_JAW, MOUTH, indices, mouth_opening
from tfg.threads import threads
from tfg.types import Bytes, FaceTrack, Floats, InputError

READ = indices(LOWER_JAW, MOUTH)
PATCH_WIDTH, PATCH_HEIGHT = 36, 32  # pixels
PATCH_LEFT, PATCH_TOP = -0.54, 0.06  # aligned units: outer eye corners 1 apart, origin as in the generic face
PATCH_STEP = 0.03  # aligned units a pixel
RIDGE = 0.3  # of the mean variance of a regressor, times the number of examples
MOST_FRAMES = 800
_SHARE_HELD_OUT = 0.2  # the last frames, to measure the error; the final fit uses all
_FEWEST_FRAMES = 50
_BLUR = 1.0  # patch pixels: renderings are softer than films, so every example is also shown blurred


@dataclass(frozen=True, kw_only=True)
class FittedLandmarks:
    """A FaceReader of lips and jaw: all else it takes from the guide.

    `read_error_pixels` and `opening_correlation` were measured on true frames that were not fitted.
    """

    mean: Floats  # (regressors,)
    scale: Floats  # (regressors,)
    weights: Floats  # (regressors, len(READ) * 2)
    offset: Floats  # (len(READ) * 2,)
    num_frames: int
    read_error_pixels: float
    opening_correlation: float

    @classmethod
    def fit(cls, images: Bytes, landmarks: Floats) -> FittedLandmarks:
        """Fit on true frames (n, size, size, 3) in the order of time with their landmarks (n, 68, 2), at least 50.

        At most MOST_FRAMES of them, evenly spread, are fitted: that takes about two seconds.
        """
        if len(images) < _FEWEST_FRAMES:
            raise InputError(
                f"metrics: {len(images)} true frames are too few to fit a landmark reader, it needs {_FEWEST_FRAMES}; "
                "use face=mediapipe, or a longer clip"
            )
        split = len(images) - round(_SHARE_HELD_OUT * len(images))
        trial = _fit(images[:split], landmarks[:split], np.nan, np.nan)
        made, true = trial.landmarks(images[split:], landmarks[split:]), landmarks[split:]
        error = float(np.sqrt(((made - true)[:, MOUTH] ** 2).sum(axis=-1).mean()))
        correlation = float(np.corrcoef([mouth_opening(points).astype(np.float32) for points in (made, true)])[0, 1])
        return _fit(images, landmarks, error, correlation)

    @property
    def definition(self) -> str:
        return (
            f"a ridge regression from {PATCH_WIDTH}x{PATCH_HEIGHT} mouth pictures fitted on {self.num_frames} true training "
            "frames of this clip, head place from the known pose, points outside mouth and jaw taken from the truth "
            f"(on true frames not fitted: mouth points {self.read_error_pixels:.2f} px RMS, "
            f"opening r = {self.opening_correlation:.3f})"
        )

    @property
    def is_guided(self) -> bool:
        return True

    def read(self, images: Bytes, guide: Floats | None = None) -> FaceTrack:
        """(n, size, size, 3) and the true (n, 68, 2), of which mouth and jaw are not used; nothing but landmarks is read."""
        if guide is None:
            raise InputError("metrics: a fitted landmark reader needs the place of the head; use face=mediapipe")
        track = FaceTrack.empty(0, len(images))
        return replace(track, num_faces=np.ones_like(track.num_faces), landmarks=self.landmarks(images, guide))

    def landmarks(self, images: Bytes, guide: Floats) -> Floats:
        """(n, size, size, 3) and the true (n, 68, 2) -> (n, 68, 2)."""
        to_picture = _alignments(guide)
        regressors = (_regressors(_patches(images, to_picture), guide, to_picture) - self.mean) / self.scale
        aligned = (_product(regressors, self.weights) + self.offset).reshape(len(images), len(READ), 2)
        found = guide.astype(np.float32).copy()
        found[:, list(READ)] = _apply(to_picture, aligned)
        return found


def _fit(images: Bytes, landmarks: Floats, error: float, correlation: float) -> FittedLandmarks:
    import cv2

    if len(images) > MOST_FRAMES:
        rows = np.linspace(0, len(images) - 1, MOST_FRAMES).round().astype(int)
        images, landmarks = images[rows], landmarks[rows]
    to_picture = _alignments(landmarks)
    patches = _patches(images, to_picture)
    soft = np.stack([cv2.GaussianBlur(patch, (0, 0), _BLUR) for patch in patches])
    regressors = np.concatenate([_regressors(p, landmarks, to_picture) for p in (patches, soft)])
    targets = _apply(_inverse(to_picture), landmarks[:, list(READ)]).reshape(len(images), -1)
    targets = np.concatenate([targets, targets])
    mean, offset = regressors.mean(axis=0), targets.mean(axis=0)
    scale = np.full(regressors.shape[1], regressors[:, :-_NUM_PLACES].std(), np.float32)
    scale[-_NUM_PLACES:] = 0.1  # aligned units: turning the head moves the nose about that far
    centered = (regressors - mean) / scale
    penalty = RIDGE * len(centered) * float(centered.var(axis=0).mean())
    # Fewer examples than regressors or not, the smaller of the two systems gives the same weights.
    gram = _product(centered, centered.T) + penalty * np.eye(len(centered), dtype=np.float32)
    weights = _product(centered.T.astype(np.float64), _solved(gram.astype(np.float64), targets - offset))
    return FittedLandmarks(
        mean=mean,
        scale=scale,
        weights=weights.astype(np.float32),
        offset=offset.astype(np.float32),
        num_frames=len(images),
        read_error_pixels=error,
        opening_correlation=correlation,
    )


def _product(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.floating]:
    """The matrix product by one thread: numpy's rounds by the number of threads, and scores with it in their seventh digit."""
    import torch

    with threads(1):
        return (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()


def _solved(matrix: NDArray[np.float64], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """x with matrix @ x = right, by one thread."""
    import torch

    with threads(1):
        return torch.linalg.solve(torch.from_numpy(matrix), torch.from_numpy(right.astype(np.float64))).numpy()


_NUM_PLACES = 2 * len(ANCHORS)


def _regressors(patches: Floats, guide: Floats, to_picture: Floats) -> Floats:
    """Pixels in [0, 1] and the aligned anchors, which follow how far the head is turned: (n, regressors)."""
    places = _apply(_inverse(to_picture), guide[:, list(ANCHORS)]).reshape(len(guide), -1)
    return np.concatenate([patches.reshape(len(patches), -1), places], axis=1).astype(np.float32)


def _patches(images: Bytes, to_picture: Floats) -> Floats:
    """The mouth, upright and at one scale: (n, 32, 36, 3) in [0, 1]."""
    import cv2

    x = PATCH_LEFT + PATCH_STEP * (np.arange(PATCH_WIDTH) + 0.5)
    y = PATCH_TOP + PATCH_STEP * (np.arange(PATCH_HEIGHT) + 0.5)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(1, -1, 2)
    places = (_apply(to_picture, np.repeat(grid, len(images), axis=0)) - 0.5).astype(np.float32)
    places = places.reshape(-1, PATCH_HEIGHT, PATCH_WIDTH, 2)
    return np.stack(
        [
            cv2.remap(image, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for image, place in zip(images, places, strict=True)
        ]
    ).astype(np.float32) / np.float32(255)


def _alignments(landmarks: Floats) -> Floats:
    """Similarity from aligned units to the picture by least squares over the anchors: (n, 2, 3)."""
    source = GENERIC_SHAPE[list(ANCHORS), :2].astype(np.float64)
    target = landmarks[:, list(ANCHORS)].astype(np.float64)
    center, middle = source.mean(axis=0), target.mean(axis=1)
    source = source - center
    target = target - middle[:, None]
    power = (source**2).sum()
    a = np.einsum("ki,nki->n", source, target) / power
    b = (source[:, 0] * target[..., 1] - source[:, 1] * target[..., 0]).sum(axis=1) / power
    turn = np.stack([np.stack([a, -b], axis=-1), np.stack([b, a], axis=-1)], axis=1)
    return np.concatenate([turn, (middle - turn @ center)[..., None]], axis=-1)


def _inverse(transform: Floats) -> Floats:
    turn = np.linalg.inv(transform[..., :2])
    return np.concatenate([turn, -turn @ transform[..., 2:]], axis=-1)


def _apply(transform: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, 2, 3), (n, k, 2) -> (n, k, 2)."""
    return points @ transform[..., :2].transpose(0, 2, 1) + transform[:, None, :, 2]
