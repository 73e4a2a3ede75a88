"""AVE's mel front end (METHODS 7.1): librosa's numbers from torch alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from tfg.types import SAMPLE_RATE, Floats

ROWS_PER_SECOND = 80  # hop of 200 samples at 16 kHz
_FFT, _HOP, _BANDS = 800, 200, 80
_LOW, _HIGH = 55.0, 7600.0
_PREEMPHASIS = 0.97


def log_mel(audio: Floats) -> Floats:
    """(num_samples,) mono 16 kHz -> (num_samples // 200 + 1, 80) in [-4, 4]: pre-emphasis, STFT magnitude, mel, dB, scaling."""
    signal = torch.from_numpy(np.ascontiguousarray(audio, np.float32))
    if len(signal) == 0:
        return np.zeros((0, _BANDS), np.float32)
    signal = torch.cat([signal[:1], signal[1:] - _PREEMPHASIS * signal[:-1]])
    window = torch.hann_window(_FFT)
    spectrum = torch.stft(signal, _FFT, _HOP, window=window, center=True, pad_mode="constant", return_complex=True).abs()
    level = 20 * torch.log10((_filters() @ spectrum).clamp(min=1e-5)) - 20
    return (8 * (level + 100) / 100 - 4).clamp(-4, 4).T.contiguous().numpy()


@cache
def _filters() -> torch.Tensor:
    """(80, 401) triangles on Slaney's mel scale with Slaney's area normalisation, librosa's defaults."""
    edges = _mel_to_hz(np.linspace(_hz_to_mel(_LOW), _hz_to_mel(_HIGH), _BANDS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(triangles.astype(np.float32))


_LINEAR_HZ, _BREAK_HZ, _LOG_STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _BREAK_HZ else _BREAK_HZ / _LINEAR_HZ + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    break_mel = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < break_mel, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mel - break_mel)))
