"""The features of the embedded listener: fine log-mel rows of the sound, and the place of mouth and chin relative to eyes and nose.

Nothing here is learned but the mean place of the anchors. The sound does not depend on the run's audio axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import ANCHORS, CHIN_ARC, MOUTH, OUTER_EYE_CORNERS, indices
from tfg.types import SAMPLE_RATE, SAMPLES_PER_FRAME, Bools, Floats

MOVING = indices(CHIN_ARC, MOUTH)
_LEFT_EYE, _RIGHT_EYE = (ANCHORS.index(corner) for corner in OUTER_EYE_CORNERS)
# Frames each way whose mean is taken off: a turned head, a mouth at rest, a reader's habits, a room's sound.
SURROUND = 12

VERSION = 2  # of features, towers and training together

BANDS = 40
ROWS_PER_FRAME = 4  # every 10 ms
CHANNELS = ROWS_PER_FRAME * BANDS
_LOW, _HIGH = 60.0, 7600.0  # hertz
_WINDOW = 400  # samples, 25 ms
_STEP = SAMPLES_PER_FRAME // ROWS_PER_FRAME
_PREEMPHASIS = 0.97
# Percentile of the rows' loudest bands: the speech's level, taken off so that loudness does not matter.
_LOUD = 95
_RANGE = 60.0  # decibels below that level at which silence starts
_TINY = 1e-8
_AT_ONCE = 4096  # spectra in memory

Doubles = NDArray[np.float64]


def log_mel(audio: Floats) -> Floats:
    """(num_samples,) 16 kHz -> (num_samples // 640, 160) decibels from -60, relative to the run's speech: four rows of 40 bands a
    frame, each of 25 ms.
    """
    count = len(audio) // SAMPLES_PER_FRAME * ROWS_PER_FRAME
    signal = np.asarray(audio, np.float64)
    emphasised = np.append(signal[:1], signal[1:] - _PREEMPHASIS * signal[:-1])
    margin = (_WINDOW - _STEP) // 2  # a row's window lies around its own 10 ms
    padded = np.pad(emphasised, (margin, _WINDOW))
    stretches = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP][:count]
    if not count:
        return np.empty((0, CHANNELS), np.float32)
    rows = np.concatenate([_bands(stretches[first : first + _AT_ONCE]) for first in range(0, count, _AT_ONCE)])
    level = np.percentile(rows.max(axis=1), _LOUD)
    return np.maximum(rows - level, -_RANGE).reshape(-1, CHANNELS).astype(np.float32)


def _bands(stretches: Doubles) -> Doubles:
    """(rows, 400) -> (rows, 40) decibels."""
    magnitudes = np.abs(np.fft.rfft(stretches * np.hanning(_WINDOW + 1)[:-1], axis=1))
    edges = _hertz(np.linspace(_mel(_LOW), _mel(_HIGH), BANDS + 2))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    means = magnitudes @ (triangles / triangles.sum(axis=1, keepdims=True)).T
    return 20 * np.log10(np.maximum(means, _TINY))


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: Doubles) -> Doubles:
    return 700 * (10 ** (mel / 2595) - 1)


def usable(landmarks: Floats) -> Bools:
    """(n, 68, 2) -> (n,) whether the points that are used are known, and the anchors not all in one place."""
    known = np.isfinite(landmarks[:, [*ANCHORS, *MOVING]]).all(axis=(1, 2))
    return np.asarray(known & (np.ptp(landmarks[:, ANCHORS], axis=1) > 0).any(axis=1))


def anchor_shape(landmarks: Floats) -> Doubles:
    """Mean place (8, 2) of a person's anchors, upright as filmed, centred, the outer eye corners 1 apart. No NaN rows, please."""
    points = np.asarray(landmarks[:, ANCHORS], np.float64)
    shape = points[0] - points[0].mean(axis=0)
    for _ in range(3):  # generalised Procrustes; the second round already changes it by less than the points' noise
        shape = _aligned(points, points, shape).mean(axis=0)
        shape /= np.linalg.norm(shape[_RIGHT_EYE] - shape[_LEFT_EYE])
    return shape


def mouth_motion(landmarks: Floats, known: Bools, shape: Doubles) -> Doubles:
    """(n, 68, 2) -> (n, 50): 25 points of lips and chin in interocular units, aligned by the anchors, less the mean of the known
    frames around; zeros where the face is not known.
    """
    place = np.zeros((len(landmarks), 2 * len(MOVING)))
    points = np.asarray(landmarks[known], np.float64)
    place[known] = _aligned(points[:, MOVING], points[:, ANCHORS], shape).reshape(-1, 2 * len(MOVING))
    return _changes(place, known)


def sound_motion(sound: Floats) -> Doubles:
    """(n, c) -> (n, c) less the mean of the frames around, as for the mouth: who speaks how loudly in which room."""
    return _changes(np.asarray(sound, np.float64), np.ones(len(sound), np.bool_))


def _changes(values: Doubles, known: Bools) -> Doubles:
    """(n, k) less the mean of the known frames within SURROUND; zeros in unknown frames, whose values must be zero."""
    sums, counts = _around(values), _around(known[:, None].astype(np.float64))
    return (values - sums / np.maximum(counts, 1)) * known[:, None]


def _around(values: Doubles) -> Doubles:
    """Sums over the frames within SURROUND: (n, k) -> (n, k)."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    index = np.arange(len(values))
    return total[np.minimum(index + SURROUND + 1, len(values))] - total[np.maximum(index - SURROUND, 0)]


def _aligned(points: Doubles, anchors: Doubles, shape: Doubles) -> Doubles:
    """(n, k, 2) moved by the similarity that takes each frame's anchors (n, 8, 2) to the shape (8, 2) in the least squares sense."""
    middle = anchors.mean(axis=1, keepdims=True)
    x, y = np.moveaxis(anchors - middle, -1, 0)
    u, v = shape.T
    power = (x**2 + y**2).sum(axis=1)
    cosine, sine = (x * u + y * v).sum(axis=1) / power, (x * v - y * u).sum(axis=1) / power
    x, y = np.moveaxis(points - middle, -1, 0)
    cosine, sine = cosine[:, None], sine[:, None]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
