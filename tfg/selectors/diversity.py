"""How varied the audio of a segment is: mean pairwise distance, and other readings the paper allows. Larger is always more varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tfg.selectors.checks import check_choice, check_count, check_switch
from tfg.selectors.kmeans import cluster
from tfg.selectors.pairwise import window_mean_distances
from tfg.types import Floats, InputError

MEASURES = ("pairs", "consecutive", "centroid", "explained_variance", "cumulative_variance", "semantic_entropy")
TITLE = ("diversity", "audio diversity D")  # of plots

Scores = NDArray[np.float64]
Vectors = NDArray[np.float64]  # (frames, channels)
Starts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """D of every candidate, from the raw audio features of the whole training part."""

    measure: str
    l2norm: bool  # scale every vector to length 1 first (a zero vector stays zero)
    components: int  # k of explained_variance and cumulative_variance
    clusters: int  # of semantic_entropy
    cluster_seed: int  # of semantic_entropy

    def __post_init__(self) -> None:
        check_choice("diversity.measure", self.measure, MEASURES)
        check_switch("diversity.l2norm", self.l2norm)
        check_count("diversity.components", self.components, 1)
        check_count("diversity.clusters", self.clusters, 2)
        check_count("diversity.cluster_seed", self.cluster_seed, 0)

    def of(self, features: Floats, starts: tuple[int, ...], num_frames: int) -> Scores:
        """(total_frames, channels) -> (len(starts),), larger is more varied; InputError where nothing varies at all."""
        vectors = varied_vectors(features)
        if self.l2norm:
            vectors = unit_rows(vectors)
        first_frames = np.asarray(starts, np.int64)
        match self.measure:
            case "pairs":
                return window_mean_distances(vectors, first_frames, num_frames)
            case "consecutive":
                return window_mean_steps(vectors, first_frames, num_frames)
            case "centroid":
                return _per_window(vectors, first_frames, num_frames, mean_distance_to_centroid)
            case "explained_variance":
                self._check_components(num_frames, vectors.shape[1])
                unexplained = partial(_complement, explained_variance, self.components)
                return _per_window(vectors, first_frames, num_frames, unexplained)
            case "cumulative_variance":
                self._check_components(num_frames, vectors.shape[1])
                unexplained = partial(_complement, cumulative_variance, self.components)
                return _per_window(vectors, first_frames, num_frames, unexplained)
            case _:
                return self._semantic_entropy(vectors, first_frames, num_frames)

    def definition(self) -> str:
        """The measure with its parameters, to be read after `D = `."""
        vectors = "L2-normalised" if self.l2norm else "raw"
        k = self.components
        return {
            "pairs": f"mean Euclidean distance over all unordered pairs of {vectors} audio vectors",
            "consecutive": f"mean Euclidean distance of consecutive {vectors} audio vectors",
            "centroid": f"mean Euclidean distance of {vectors} audio vectors to their mean",
            "explained_variance": f"1 - mean explained-variance ratio of the top {k} principal components ({vectors} vectors)",
            "cumulative_variance": f"1 - mean over j <= {k} of the cumulative explained-variance ratio ({vectors} vectors)",
            "semantic_entropy": f"entropy in nats over {self.clusters} k-means clusters (seed {self.cluster_seed}) of all "
            f"{vectors} audio vectors of the training part",
        }[self.measure]

    def _check_components(self, num_frames: int, channels: int) -> None:
        most = min(num_frames - 1, channels)
        if self.components > most:
            raise InputError(
                f"selector.diversity.components: {self.components} is more than a segment of {num_frames} frames and "
                f"{channels} audio channels has; give at most {most}"
            )

    def _semantic_entropy(self, vectors: Vectors, starts: Starts, num_frames: int) -> Scores:
        if self.clusters > len(vectors):
            raise InputError(
                f"selector.diversity.clusters: {self.clusters} clusters of {len(vectors)} frames; give at most {len(vectors)}"
            )
        labels = cluster(vectors, self.clusters, self.cluster_seed)
        return np.array([entropy(np.bincount(labels[start : start + num_frames])) for start in starts])


def varied_vectors(features: Floats) -> Vectors:
    """The same in double precision; InputError where they are no numbers or nothing varies."""
    if not np.isfinite(features).all():
        raise InputError("audio features: some are not finite numbers; choose another audio= extractor")
    if np.ptp(features, axis=0).max() <= 1e-9 * np.abs(features).max():
        raise InputError(
            "audio features: the same in every frame (silence?); choose selector=random or a clip with speech"
        )
    return features.astype(np.float64)


def unit_rows(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def window_mean_steps(vectors: Vectors, starts: Starts, num_frames: int) -> Scores:
    """Mean distance of neighbouring frames: the speed of the features rather than their spread."""
    steps = np.linalg.norm(np.diff(vectors, axis=0), axis=1)
    before = np.concatenate([[0.0], np.cumsum(steps)])
    return (before[starts + num_frames - 1] - before[starts]) / (num_frames - 1)


def mean_distance_to_centroid(vectors: Vectors) -> float:
    return float(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1).mean())


def variance_ratios(vectors: Vectors) -> NDArray[np.float64]:
    """(min(n, channels),) explained-variance ratios of a centred PCA, largest first; all 0 where nothing varies."""
    centred = vectors - vectors.mean(axis=0)
    products = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    variances = np.maximum(np.linalg.eigvalsh(products)[::-1], 0.0)
    floor = 1e-20 * max(float((vectors**2).sum()), 1e-300)  # what rounding alone leaves of equal vectors
    return variances / variances.sum() if variances.sum() > floor else np.zeros_like(variances)


def explained_variance(vectors: Vectors, k: int) -> float:
    """EV_k: mean of the explained-variance ratios of the top k components."""
    return float(variance_ratios(vectors)[:k].mean())


def cumulative_variance(vectors: Vectors, k: int) -> float:
    """CV_k: mean over j <= k of the cumulative explained-variance ratio."""
    return float(np.cumsum(variance_ratios(vectors))[:k].mean())


def entropy(counts: NDArray[np.int64]) -> float:
    """Entropy of a histogram in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _complement(ratio: Callable[[Vectors, int], float], k: int, vectors: Vectors) -> float:
    """1 - ratio, so that larger is more varied.

    Differs from the paper: it fits quality on the ratio itself, which falls as the audio gets more varied; a window where
    nothing varies scores 0.
    """
    return 1.0 - ratio(vectors, k) if np.ptp(vectors, axis=0).any() else 0.0


def _per_window(vectors: Vectors, starts: Starts, num_frames: int, score: Callable[[Vectors], float]) -> Scores:
    return np.array([score(vectors[start : start + num_frames]) for start in starts])
