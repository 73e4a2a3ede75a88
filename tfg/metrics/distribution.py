"""FID (Heusel et al. 2017): the Frechet distance of the frames' Inception features, the prediction's as a set against the truth's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo
from tfg.metrics.inception import FEATURES, SIZE, Inception


@dataclass(frozen=True, kw_only=True)
class FrechetDistance:
    """Metric: fid; 0 for the same frames in any order, lower is better."""

    network: Inception | None
    note: str  # checksum of the weights, or why there are none
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "fid": MetricFacts(title="FID", better="down", digits=2),
    }
    names: tuple[str, ...] = ("fid",)
    needs: tuple[str, ...] = ("truth", "chunks")

    @staticmethod
    def open(path: Path) -> Inception:
        """The network of a weight file."""
        return Inception.load(path)

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        assert chunk.truth is not None
        if self.network is None:
            return {}
        return {"made": self.network.features(chunk.prediction), "true": self.network.features(chunk.truth)}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        count = video.num_frames
        text = (
            f"FID: Frechet distance of {FEATURES} Inception features (pytorch-fid's network) of {count} predicted and {count} "
            f"true frames; full frame, resized to {SIZE}x{SIZE} (bilinear, no smoothing) and scaled to [-1, 1]; float64"
        )
        if count <= FEATURES:
            text += (
                f"; {count} frames give covariances of rank {max(count - 1, 0)} of {FEATURES}: the value is high for that "
                "reason alone, and only comparable on the same frames"
            )
        return {"fid": f"{text}; weights {self.note}"}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if self.network is None:
            return {"fid": Outcome(missing=self.note)}
        if video.num_frames < 2:
            return {"fid": Outcome(missing="one frame has no covariance; at least two are needed")}
        return {"fid": Outcome(value=frechet(rows["made"], rows["true"]))}


def frechet(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Squared Frechet distance of two Gaussians fitted to features (n, d) and (m, d); 0 for equal arrays.

    |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2). With S = A'A of centred rows A, the last trace is the sum of the
    singular values of A1 A2': exact where covariances are rank deficient, with no root of a matrix.
    """
    if np.array_equal(first, second):
        return 0.0
    mean_1, root_1 = _gaussian(first)
    mean_2, root_2 = _gaussian(second)
    cross = np.linalg.svd(root_1 @ root_2.T, compute_uv=False).sum()
    distance = np.square(mean_1 - mean_2).sum() + np.square(root_1).sum() + np.square(root_2).sum() - 2 * cross
    return float(max(distance, 0.0))


def _gaussian(features: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,), and A (at most d rows, d) with A'A the covariance that divides by n - 1."""
    rows = features.astype(np.float64)
    mean = rows.mean(axis=0)
    root = (rows - mean) / np.sqrt(len(rows) - 1)
    return mean, np.asarray(np.linalg.qr(root, mode="r")) if len(root) > root.shape[1] else root
