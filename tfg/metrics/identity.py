"""Whether the prediction still looks like the person: cosine of face embeddings, prediction frame against its truth frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import LEFT_EYE, MOUTH_CORNERS, NOSE_TIP, RIGHT_EYE
from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo, left_out, mean
from tfg.metrics.mobilefacenet import NUMBERS, SIZE, Embedder, open_embedder
from tfg.types import Bytes, FaceTrack, Floats

# ArcFace's template (Deng et al. 2019): eyes, nose tip, mouth corners of the aligned face; a pixel's centre is a whole number.
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Metric: cosine of embeddings, mean over frames; 1 is the same face, strangers are near 0."""

    network: Embedder | None
    note: str  # checksum of the weights, or why there are none
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "identity": MetricFacts(title="Identity", better="up", digits=3),
    }
    names: tuple[str, ...] = ("identity",)
    needs: tuple[str, ...] = ("truth", "chunks", "faces")

    @staticmethod
    def open(path: Path) -> Embedder:
        """The network of a weight file."""
        return open_embedder(path)

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        assert chunk.truth is not None
        assert chunk.true is not None
        if self.network is None:
            return {}
        return {
            "made": _embeddings(self.network, chunk.prediction, chunk.made),
            "true": _embeddings(self.network, chunk.truth, chunk.true),
        }

    def define(self, video: ScoredVideo) -> dict[str, str]:
        text = (
            "cosine of MobileFaceNet embeddings of a prediction frame and its truth frame, mean over frames; each face turned "
            "and scaled by eye centres, nose tip and mouth corners to ArcFace's 112x112 template, RGB, ImageNet mean and "
            f"deviation; faces by {video.reader}; {left_out(video)}; weights {self.note}"
        )
        return {"identity": text}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if self.network is None:
            return {"identity": Outcome(missing=self.note)}
        return {"identity": mean(cosine(rows["made"], rows["true"]))}


def cosine(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """(n, d) twice -> (n,), NaN where a row is. Equal rows give exactly 1: the root of a square is exact."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    products = (a * b).sum(axis=1)
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray(np.clip(products / lengths, -1, 1), np.float64)


def aligned(image: Bytes, landmarks: Floats) -> Bytes:
    """(height, width, 3) and its 68 landmarks -> the face in ArcFace's pose, (112, 112, 3); black beyond the picture."""
    import cv2

    left, right = (landmarks[eye].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE))
    points = np.stack([left, right, landmarks[NOSE_TIP], *(landmarks[corner] for corner in MOUTH_CORNERS)])
    move = similarity(points - 0.5, TEMPLATE)  # OpenCV's pixel centres are whole numbers
    return np.asarray(cv2.warpAffine(image, move, (SIZE, SIZE), flags=cv2.INTER_LINEAR), np.uint8)


def similarity(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Rotation, scale and shift that bring points (n, 2) closest to others in least squares: (2, 3).

    As complex numbers w = c z + d: c is the regression of the centred targets on the centred sources.
    """
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (source.astype(np.float64), target))
    centred = z - z.mean()
    c = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred)
    d = w.mean() - c * z.mean()
    return np.array([[c.real, -c.imag, d.real], [c.imag, c.real, d.imag]])


def _embeddings(network: Embedder, images: Bytes, track: FaceTrack) -> Floats:
    """(n, 128); NaN where there is no face."""
    rows = np.full((len(images), NUMBERS), np.nan, np.float32)
    known = np.flatnonzero(track.num_faces > 0)
    faces = [aligned(images[row], track.landmarks[row]) for row in known]
    if faces:
        rows[known] = network(np.stack(faces))
    return rows
