"""Seeded k-means on the CPU with numpy alone, for the clusters of semantic entropy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100


def cluster(vectors: NDArray[np.float64], num_clusters: int, seed: int) -> NDArray[np.int64]:
    """(n, channels) -> (n,) cluster labels: k-means++ start, Lloyd until no label changes. Fewer clusters than asked for
    only where there are fewer distinct vectors."""
    points = vectors - vectors.mean(axis=0)
    centers = _spread(points, num_clusters, np.random.default_rng(seed))
    labels = np.full(len(points), -1)
    for _ in range(ROUNDS):
        squared = _squared(points, centers)
        nearest = squared.argmin(axis=1)
        if (nearest == labels).all():
            break
        labels = nearest
        sums = np.zeros_like(centers)
        np.add.at(sums, labels, points)
        counts = np.bincount(labels, minlength=len(centers))
        centers = sums / np.maximum(counts, 1)[:, None]
        for empty in np.flatnonzero(counts == 0):  # an emptied cluster restarts at the point served worst
            worst = int(squared[np.arange(len(points)), labels].argmax())
            centers[empty] = points[worst]
            squared[worst] = 0.0
    return labels


def _spread(points: NDArray[np.float64], num_clusters: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """k-means++ seeding: each centre is drawn with probability proportional to its squared distance from those before."""
    chosen = [int(rng.integers(len(points)))]
    nearest = _squared(points, points[chosen])[:, 0]
    while len(chosen) < num_clusters and nearest.max() > 1e-12 * (points**2).sum(axis=1).max():
        chosen.append(int(rng.choice(len(points), p=nearest / nearest.sum())))
        nearest = np.minimum(nearest, _squared(points, points[chosen[-1:]])[:, 0])
    return points[chosen]


def _squared(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = (points**2).sum(axis=1)[:, None] + (centers**2).sum(axis=1)
    return np.maximum(lengths - 2 * points @ centers.T, 0.0)
