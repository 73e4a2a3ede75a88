"""Mean pairwise distance of every window of a sequence, in one pass over the band of pairs that some window holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 256  # rows of one block of the band: 256 x (256 + N) distances are in memory at a time
CANCELLATION = 1e-6  # below this share of |a|^2 + |b|^2 a squared distance is taken from the difference itself


def window_mean_distances(
    features: NDArray[np.float64], starts: NDArray[np.int64], num_frames: int
) -> NDArray[np.float64]:
    """(len(starts),) mean Euclidean distance over all N (N - 1) / 2 unordered pairs of [start, start + N).

    Each pair (i, j) with 0 < j - i < N is measured once. With `ahead[i]` the sum of distances to the N - 1 next frames and
    `behind[j]` to the N - 1 previous ones, the pairs of a window are those that end before start + N less those that begin
    before start: W(s) = sum_{j < s + N} behind[j] - sum_{i < s} ahead[i]. So all windows cost two prefix sums.
    """
    total, reach = len(features), num_frames - 1
    ahead, behind = np.zeros(total), np.zeros(total)
    for first in range(0, total, BLOCK):
        rows = slice(first, min(first + BLOCK, total))
        columns = slice(first, min(first + BLOCK + reach, total))
        offset = np.arange(columns.start, columns.stop) - np.arange(rows.start, rows.stop)[:, None]
        block = distances(features[rows], features[columns]) * ((offset > 0) & (offset <= reach))
        ahead[rows] = block.sum(axis=1)
        behind[columns] += block.sum(axis=0)
    begun_before = np.concatenate([[0.0], np.cumsum(ahead)])
    ended_before = np.concatenate([[0.0], np.cumsum(behind)])
    pairs = num_frames * (num_frames - 1) / 2
    return (ended_before[starts + num_frames] - begun_before[starts]) / pairs


def distances(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(r, channels), (c, channels) -> (r, c) Euclidean distances: |a|^2 + |b|^2 - 2 ab, mended where that cancels."""
    middle = columns.mean(axis=0)
    a, b = rows - middle, columns - middle
    lengths = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    squared = lengths - 2 * (a @ b.T)
    left, right = np.nonzero(squared < CANCELLATION * lengths)
    for part in range(0, len(left), 4096):
        i, j = left[part : part + 4096], right[part : part + 4096]
        difference = a[i] - b[j]
        squared[i, j] = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(np.maximum(squared, 0.0))


def window_least_distances(
    features: NDArray[np.float64], starts: NDArray[np.int64], num_frames: int, measure: str
) -> NDArray[np.float64]:
    """(len(starts),) mean or largest, over all T vectors, of the distance to the nearest vector of [start, start + N).

    All T^2 distances are measured once, BLOCK rows at a time; the minimum over every window is that of two overlapping runs of
    2^k columns, made by doubling. So the cost is T^2 (channels + log2 N), whatever the number of windows; O(BLOCK T) memory.
    """
    total = np.zeros(len(starts))
    for first in range(0, len(features), BLOCK):
        nearest = _nearest_in_windows(distances(features[first : first + BLOCK], features), starts, num_frames)
        total = np.maximum(total, nearest.max(axis=0)) if measure == "largest" else total + nearest.sum(axis=0)
    return total if measure == "largest" else total / len(features)


def window_nearest(
    targets: NDArray[np.float64], features: NDArray[np.float64], starts: NDArray[np.int64], num_frames: int
) -> NDArray[np.float64]:
    """(m, len(starts)): of each of m target vectors the distance to the nearest vector of every window [start, start + N)."""
    blocks = [
        _nearest_in_windows(distances(targets[first : first + BLOCK], features), starts, num_frames)
        for first in range(0, len(targets), BLOCK)
    ]
    return np.concatenate(blocks)


def _nearest_in_windows(least: NDArray[np.float64], starts: NDArray[np.int64], num_frames: int) -> NDArray[np.float64]:
    """(r, T) distances -> (r, len(starts)): the smallest of every window, of two overlapping runs of 2^k columns."""
    width = 1
    while 2 * width <= num_frames:
        least = np.minimum(least[:, :-width], least[:, width:])
        width *= 2
    return np.minimum(least[:, starts], least[:, starts + num_frames - width])
