"""How far the frames of a series resemble their neighbours, and what that makes of the spread between blocks of them.

Model: a part that decays exponentially with distance (a first-order autoregression) plus a part without memory, such as a reader's
noise. Decay and share are not estimated once but averaged over a grid, weighted by their likelihood (Whittle 1953), so that a short
series says how little it shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SHORTEST_BLOCK = 25  # frames, 1 s
NUM_DECAYS = 12  # log-spaced between the two ends below
FASTEST = 0.2  # frames after which the resemblance falls to 1/e (of neighbours: 0.007), and ...
SLOWEST = 0.25  # ... the longest, as a share of the series
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)  # of the variance without memory
_ROUNDING = 1e-18  # share of the variance that rounding alone leaves at a frequency
_STEP = 1.15  # between neighbouring block lengths, so that tables are shared

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """How the standard error between blocks is to be read: by one of g models, of which each has a weight."""

    length: int  # frames
    weights: Values  # (g,) sum 1
    share: Values  # (g,) of the mean's variance that blocks of this length show on average
    freedom: Values  # (g,) degrees of freedom of the variance between blocks


def blocks(values: Values) -> Blocks | None:
    """Of (n,) numbers that are not all equal; None where they only alternate from frame to frame, which no model describes.

    The length is the one of Politis and White 2004 (with Patton 2009) for the variance of a mean, G and g(0) of the weighted models,
    at least 1 s and at most a quarter of the series.
    """
    frames = len(values)
    decays, shares = _grid(frames)
    weights = _weights(values)
    if weights is None:
        return None
    lagged = (1 - shares) * 2 * decays / (1 - decays) ** 2  # G = sum of |k| R(k)
    total = (1 - shares) * (1 + decays) / (1 - decays) + shares  # g(0) = sum of R(k)
    best = (1.5 * frames) ** (1 / 3) * math.exp(weights @ np.log(lagged / total)) ** (2 / 3)
    steps = max(0, math.ceil(math.log(best / SHORTEST_BLOCK, _STEP)))
    length = min(round(SHORTEST_BLOCK * _STEP**steps), frames // 4)
    share, freedom = _tables(frames, length)
    return Blocks(length=length, weights=weights, share=share, freedom=freedom)


def _weights(values: Values) -> Values | None:
    """(g,) posterior of the models with equal prior weights; the variance takes its best value in each.

    None: below the frequency of alternating frames there is nothing to weigh them by.
    """
    frames = len(values)
    spectra = _spectra(frames)
    periodogram = np.abs(np.fft.rfft(values - values.mean())[1 : 1 + spectra.shape[1]]) ** 2
    if periodogram.mean() <= _ROUNDING * frames * values.var():
        return None
    variance = (periodogram / spectra).mean(axis=1)
    likelihood = -spectra.shape[1] * np.log(variance) - np.log(spectra).sum(axis=1)
    found = np.exp(likelihood - likelihood.max())
    return np.asarray(found / found.sum())


@lru_cache(maxsize=32)
def _grid(frames: int) -> tuple[Values, Values]:
    """(g,) correlation of neighbours in the part that decays, and the share of the part without memory."""
    distances = np.geomspace(FASTEST, SLOWEST * frames, NUM_DECAYS)
    return np.repeat(np.exp(-1 / distances), len(SHARES)), np.tile(SHARES, NUM_DECAYS)


@lru_cache(maxsize=32)
def _spectra(frames: int) -> Values:
    """(g, frequencies) of each model at variance 1."""
    angles = 2 * np.pi * np.arange(1, (frames - 1) // 2 + 1) / frames
    decays, shares = (column[:, None] for column in _grid(frames))
    return np.asarray((1 - shares) * (1 - decays**2) / (1 - 2 * decays * np.cos(angles) + decays**2) + shares)


def _variance(count: int, decays: Values, shares: Values) -> Values:
    """(g,) of the mean of `count` neighbours, of each model at variance 1."""
    pairs = decays / (1 - decays) * count - decays * (1 - decays**count) / (1 - decays) ** 2
    return (1 - shares) * (1 + 2 * pairs / count) / count + shares / count


@lru_cache(maxsize=128)
def _tables(frames: int, length: int) -> tuple[Values, Values]:
    """Share and freedom of Blocks: mean and variance of the variance between overlapping blocks, of Gaussian numbers.

    For many independent numbers the share is 1 - length / frames and a little less.
    """
    decays, shares = _grid(frames)
    lags = np.arange(-(length - 1), frames)
    correlation = (1 - shares)[:, None] * decays[:, None] ** np.abs(lags) + shares[:, None] * (lags == 0)
    triangle = length - np.abs(np.arange(-(length - 1), length))
    size = len(lags) + len(triangle)
    products = np.fft.irfft(np.fft.rfft(correlation, size, axis=1) * np.fft.rfft(triangle, size), size, axis=1)
    count = frames - length + 1
    together = products[:, 2 * (length - 1) :][:, :count] / length**2  # covariance of the means of blocks h apart
    distance = np.arange(count)
    pairs = (1 - distance / count) * np.where(distance == 0, 1, 2) / count
    around = together - (together @ pairs)[:, None]  # of the distances to the mean of all blocks, nearly
    share = length / frames * around[:, 0] / _variance(frames, decays, shares)
    return share, around[:, 0] ** 2 / (around**2 @ pairs)
