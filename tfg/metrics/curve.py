"""The offset curve of SyncNet (joonson/syncnet_python), shared by the official network and the embedded listener.

Differs from: SyncNet's script in nothing but names; `offset` keeps its sign (negative when the sound comes late).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.types import Floats

MAX_OFFSET = 15  # frames each way: 31 offsets
_EPSILON = 1e-6  # torch's pairwise_distance adds it to every difference


@dataclass(frozen=True, kw_only=True)
class SyncCurve:
    """Mean distance at each offset, and the three numbers that are read off it."""

    distances: NDArray[np.float64]  # (31,)

    @property
    def distance(self) -> float:
        """Sync-D, Wav2Lip's LSE-D: the smallest mean distance; lower is better."""
        return float(self.distances.min())

    @property
    def confidence(self) -> float:
        """Sync-C, Wav2Lip's LSE-C: median minus minimum; higher is better."""
        return float(np.median(self.distances) - self.distances.min())

    @property
    def offset(self) -> int:
        """In frames; -4 says that the sound comes 4 frames after the lips."""
        return MAX_OFFSET - int(self.distances.argmin())


def pairwise(lips: Floats, sound: Floats) -> NDArray[np.float64]:
    """Embeddings (n, d) of windows of lips and of sound -> (n, 31) Euclidean distances of lips i to sound i - 15 ... i + 15.

    The sound is padded with zeros at both ends, as the official script does.
    """
    padded = np.pad(np.asarray(sound, np.float64), ((MAX_OFFSET, MAX_OFFSET), (0, 0)))
    made = np.asarray(lips, np.float64)
    columns = [
        np.sqrt(np.square(made - padded[k : k + len(made)] + _EPSILON).sum(axis=1)) for k in range(2 * MAX_OFFSET + 1)
    ]
    return np.stack(columns, axis=1)


def curve(distances: NDArray[np.float64]) -> SyncCurve:
    """(n, 31) distances of windows, averaged over the windows first."""
    return SyncCurve(distances=distances.mean(axis=0))
