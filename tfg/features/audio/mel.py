"""Mel front ends shared by the extractors: short-time spectra in torch, Slaney mel bands; equal to librosa's, without librosa."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tfg.types import SAMPLE_RATE, Floats

if TYPE_CHECKING:
    from torch import Tensor

ROWS_AT_ONCE = 4096  # spectra held in memory

# The front end of Wav2Lip and of SyncTalk's AVE
AVE_BANDS, AVE_WINDOW, AVE_HOP = 80, 800, 200
AVE_ROWS_PER_SECOND = SAMPLE_RATE // AVE_HOP


def ave_mel(audio: Floats) -> Floats:
    """(num_samples,) 16 kHz -> (num_samples // 200 + 1, 80) log-mel in [-4, 4]; row r is centred at sample 200 r."""
    import torch

    emphasised = torch.from_numpy(np.append(audio[:1], audio[1:] - 0.97 * audio[:-1]).astype(np.float32))
    bands = mel_bands(AVE_BANDS, AVE_WINDOW, 55.0, 7600.0)
    rows = [bands @ block for block in spectra(emphasised, window=AVE_WINDOW, hop=AVE_HOP, power=1, reflect=False)]
    decibel = 20 * torch.log10(torch.clamp(torch.cat(rows, dim=1), min=1e-5)) - 20
    return torch.clamp(8 * (decibel + 100) / 100 - 4, -4, 4).T.contiguous().numpy()


def spectra(audio: Tensor, *, window: int, hop: int, power: int, reflect: bool) -> list[Tensor]:
    """Magnitudes ** power in blocks of (window // 2 + 1, rows): row r is centred at sample hop * r; Hann; ends padded."""
    import torch

    half = window // 2
    if reflect:
        padded = torch.nn.functional.pad(audio[None], (half, half), mode="reflect")[0]
    else:
        padded = torch.nn.functional.pad(audio, (half, half))
    num_rows = 1 + len(audio) // hop
    blocks = []
    for first in range(0, num_rows, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, num_rows)
        block = torch.stft(
            padded[first * hop : (last - 1) * hop + window],
            window,
            hop,
            window=torch.hann_window(window),
            center=False,
            return_complex=True,
        )
        blocks.append(block.abs() ** power)
    return blocks


@lru_cache(maxsize=4)
def mel_bands(num_bands: int, window: int, low: float, high: float) -> Tensor:
    """(num_bands, window // 2 + 1) triangles on Slaney's mel scale, each of area 1 over hertz (librosa's default)."""
    import torch

    frequencies = np.linspace(0, SAMPLE_RATE / 2, window // 2 + 1)
    edges = _mel_to_hertz(np.linspace(_hertz_to_mel(low), _hertz_to_mel(high), num_bands + 2))
    widths = np.diff(edges)
    slopes = edges[:, None] - frequencies[None]
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(triangles.astype(np.float32))


# Slaney's scale: linear below 1 kHz (200/3 Hz a mel), logarithmic above (27 mels for a factor of 6.4)
_KNEE_HERTZ, _KNEE_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27


def _hertz_to_mel(hertz: float) -> float:
    return float(hertz * 3 / 200 if hertz < _KNEE_HERTZ else _KNEE_MEL + np.log(hertz / _KNEE_HERTZ) / _LOG_STEP)


def _mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < _KNEE_MEL, mel * 200 / 3, _KNEE_HERTZ * np.exp(_LOG_STEP * (mel - _KNEE_MEL)))
