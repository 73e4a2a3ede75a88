"""Mel-frequency cepstral coefficients as SyncNet was trained on them: the defaults of python_speech_features at 16 kHz.

Own numpy code; the tests compare it with that package. Nothing here depends on pictures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.types import SAMPLE_RATE, Floats

COEFFICIENTS = 13
STEP = 160  # samples, 10 ms
MFCC_PER_FRAME = 4  # of 40 ms
MFCC_PER_WINDOW = 20  # 0.2 s, five frames
_LENGTH = 400  # samples, 25 ms, no window function
_FILTERS = 26
_FFT = 512
_PREEMPHASIS = 0.97
_LIFTER = 22
_AT_ONCE = 2048  # analysis frames: bounds the memory of a long sound
_TINY = np.finfo(np.float64).eps  # stands for a power of 0, so that its logarithm exists


def to_int16(audio: Floats) -> NDArray[np.int16]:
    """[-1, 1] -> the scale of a 16 bit wav, which the logarithms below depend on."""
    return np.clip(np.round(np.asarray(audio, np.float64) * 32768), -32768, 32767).astype(np.int16)


def mfcc(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """(n,) at 16 kHz -> (13, frames), the first row is the logarithm of the energy. The last frame is filled with zeros."""
    signal = samples.astype(np.float64)
    signal[1:] -= _PREEMPHASIS * samples[:-1]
    count = 1 + max(0, -(-(len(signal) - _LENGTH) // STEP))
    padded = np.pad(signal, (0, (count - 1) * STEP + _LENGTH - len(signal)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _LENGTH)[::STEP]
    return np.concatenate([_coefficients(frames[i : i + _AT_ONCE]) for i in range(0, count, _AT_ONCE)]).T


def windows(coefficients: NDArray[np.float64], start: int, stop: int) -> Floats:
    """(13, frames) -> (stop - start, 13, 20): video frame f covers the coefficients [4 f, 4 f + 20)."""
    views = np.lib.stride_tricks.sliding_window_view(coefficients, MFCC_PER_WINDOW, axis=1)
    return views[:, MFCC_PER_FRAME * start : MFCC_PER_FRAME * stop : MFCC_PER_FRAME].swapaxes(0, 1).astype(np.float32)


def _coefficients(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 400) -> (n, 13)."""
    power = np.square(np.abs(np.fft.rfft(frames, _FFT))) / _FFT
    bands = power @ _filters().T
    cepstrum = np.log(np.where(bands == 0, _TINY, bands)) @ _cosines()
    cepstrum *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    energy = power.sum(axis=1)
    cepstrum[:, 0] = np.log(np.where(energy == 0, _TINY, energy))
    return cepstrum


def _filters() -> NDArray[np.float64]:
    """(26, 257) triangles, equally wide in mel from 0 to 8 kHz, with corners on whole FFT bins."""
    mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), _FILTERS + 2)
    corners = np.floor((_FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / SAMPLE_RATE)[:, None]
    bins = np.arange(_FFT // 2 + 1)
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    return np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))


def _cosines() -> NDArray[np.float64]:
    """(26, 13) orthonormal DCT-II."""
    angles = np.pi / _FILTERS * (np.arange(_FILTERS)[:, None] + 0.5) * np.arange(COEFFICIENTS)
    scale = np.where(np.arange(COEFFICIENTS) == 0, np.sqrt(1 / _FILTERS), np.sqrt(2 / _FILTERS))
    return np.cos(angles) * scale
