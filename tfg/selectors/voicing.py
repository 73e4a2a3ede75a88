"""Which frames hold voiced speech, from the waveform. Logged beside D, which music and silence inflate."""

from __future__ import annotations

import numpy as np

from tfg.selectors.base import Candidates
from tfg.types import SAMPLE_RATE, SAMPLES_PER_FRAME, Bools, Floats

WINDOW = 1024  # samples, 64 ms: four periods of the lowest voice
LAGS = slice(SAMPLE_RATE // 400, SAMPLE_RATE // 60)  # pitch between 60 and 400 Hz
PERIODIC = 0.45  # autocorrelation of a voiced frame, Boersma (1993)
LOUD = 0.03  # of the track's peak: below it a frame is silence, Boersma (1993)
BLOCK = 1024  # frames in memory at a time
# Share of a training segment's frames; no 5 s of the GRID clip, pauses included, have less than 0.29.
LEAST_VOICED = 0.05


def voiced_frames(audio: Floats) -> Bools:
    """(num_samples,) mono 16 kHz -> (num_samples // 640,): loud enough and periodic in the range of voices.

    The autocorrelation of the Hann-windowed frame is divided by that of the window (Boersma 1993, equation 9).
    """
    num_frames = len(audio) // SAMPLES_PER_FRAME
    peak = float(np.abs(audio).max(initial=0.0))
    if peak == 0.0:
        return np.zeros(num_frames, np.bool_)
    margin = (WINDOW - SAMPLES_PER_FRAME) // 2
    padded = np.pad(audio, (margin, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::SAMPLES_PER_FRAME][:num_frames]
    taper = np.hanning(WINDOW)
    of_taper = _autocorrelation(taper[None])[0]
    voiced = np.zeros(num_frames, np.bool_)
    for first in range(0, num_frames, BLOCK):
        block = windows[first : first + BLOCK].astype(np.float64)
        block -= block.mean(axis=1, keepdims=True)
        energy = _autocorrelation(block * taper)
        periodicity = energy[:, LAGS] / np.maximum(energy[:, :1], 1e-300) / (of_taper[LAGS] / of_taper[0])
        loud = np.abs(block).max(axis=1) > LOUD * peak
        voiced[first : first + BLOCK] = loud & (periodicity.max(axis=1) > PERIODIC)
    return voiced


def voiced_ratios(candidates: Candidates) -> list[dict[str, float] | None]:
    """What is logged for each candidate: its share of voiced frames, or None where the caller has no sound."""
    if candidates.voiced is None:
        return [None] * len(candidates.starts)
    voiced = candidates.voiced()
    return [
        {"voiced_ratio": float(voiced[start : start + candidates.num_frames].mean())} for start in candidates.starts
    ]


def _autocorrelation(rows: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(rows, 2 * rows.shape[1], axis=1)
    return np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : rows.shape[1]]
