"""Log-mel features without weights: AVE's mel front end, averaged over each video frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.features.audio.mel import ROWS_PER_SECOND, log_mel
from tfg.types import FPS, SAMPLES_PER_FRAME, Floats


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """One 80-d vector a frame: the mean of the mel rows whose centres fall into the frame's 40 ms. Values in [-4, 4]."""

    name: str = "logmel"
    channels: int = 80

    def extract(self, audio: Floats) -> Floats:
        """(num_samples,) mono 16 kHz -> (num_samples // 640, 80)."""
        num_frames = len(audio) // SAMPLES_PER_FRAME
        rows = log_mel(audio)
        # Row k is centred on k / 80 s; frame i covers [i, i + 1) / 25 s, which holds three or four rows.
        first = np.ceil(np.arange(num_frames + 1) * ROWS_PER_SECOND / FPS).astype(int)
        sums = np.concatenate([np.zeros((1, self.channels)), np.cumsum(rows, axis=0, dtype=np.float64)])
        return ((sums[first[1:]] - sums[first[:-1]]) / np.diff(first)[:, None]).astype(np.float32)
