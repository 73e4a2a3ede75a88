"""How reliable a listener is: its distances on true speech that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.curve import MAX_OFFSET, curve
from tfg.types import FPS

TOLERANCE = 1  # frames: an offset of -1, 0 or 1 is found; shifted means by more
STRETCH = FPS  # windows in a row, 1 s

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Measured on truth. A random listener has areas of 0.5 and finds the offset in 3 of 31 stretches."""

    auc: float  # area under the ROC curve: one window in sync against one shifted by 2 to 15 frames
    auc_window_frames: int  # frames of lips in one such window
    auc_second: float  # the same for the mean of 25 consecutive windows
    # Share in [0, 1] of stretches of 25 consecutive windows whose smallest mean distance lies at 0 +- 1.
    offset_found_share: float
    num_stretches: int  # without overlap
    num_frames: int  # windows with all 31 distances

    @property
    def definition(self) -> str:
        return (
            f"one window of {self.auc_window_frames} frames in sync against shifted by 2 to {MAX_OFFSET} frames: ROC-AUC "
            f"{self.auc:.3f}, the mean of {STRETCH} windows (1 s): {self.auc_second:.3f}; true offset found to +-{TOLERANCE} in "
            f"{100 * self.offset_found_share:.0f} % of {self.num_stretches} stretches of 1 s; {self.num_frames} frames of speech"
        )


def reliability(runs: Sequence[Doubles], window_frames: int) -> Reliability | None:
    """From runs of distances (n, 31) of truth, NaN rows where there are none; None when no run has 25 in a row."""
    pieces = [piece for run in runs for piece in _known_stretches(run)]
    if not pieces:
        return None
    singles = np.concatenate([run[np.isfinite(run).all(axis=1)] for run in runs])
    slid = np.concatenate([np.lib.stride_tricks.sliding_window_view(p, STRETCH, axis=0).mean(axis=-1) for p in pieces])
    cut = [piece[first : first + STRETCH] for piece in pieces for first in range(0, len(piece) - STRETCH + 1, STRETCH)]
    return Reliability(
        auc=area(*_in_sync_and_shifted(singles)),
        auc_window_frames=window_frames,
        auc_second=area(*_in_sync_and_shifted(slid)),
        offset_found_share=float(np.mean([abs(curve(stretch).offset) <= TOLERANCE for stretch in cut])),
        num_stretches=len(cut),
        num_frames=len(singles),
    )


def area(near: Doubles, far: Doubles) -> float:
    """Area under the ROC curve: how often a distance of `near` is smaller than one of `far`, ties counted half."""
    order = np.sort(far)
    smaller = np.searchsorted(order, near, "left") + np.searchsorted(order, near, "right")  # twice, ties once
    return float(1 - smaller.mean() / (2 * len(far)))


def _in_sync_and_shifted(distances: Doubles) -> tuple[Doubles, Doubles]:
    offsets = np.arange(-MAX_OFFSET, MAX_OFFSET + 1)
    return distances[:, MAX_OFFSET], distances[:, np.abs(offsets) > TOLERANCE].ravel()


def _known_stretches(distances: Doubles) -> list[Doubles]:
    """Runs of at least 25 consecutive rows with numbers."""
    known = np.isfinite(distances).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    return [distances[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= STRETCH]
