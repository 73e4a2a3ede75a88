"""Which candidates rank first: ties go to the smaller start, near copies may be suppressed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TIE = 1e-9  # relative; two windows of equal content differ by the rounding of their sums


def best(
    scores: NDArray[np.float64],
    starts: Sequence[float],
    count: int,
    *,
    num_frames: float = 1,
    max_overlap: float | None = None,
) -> list[int]:
    """Rows of the `count` largest scores, best first; of scores that differ by rounding the smaller start comes first.

    With `max_overlap`, a row whose window of `num_frames`, in the unit of `starts`, shares more than that fraction with a better
    one is left out, so fewer than `count` may remain.
    """
    order = np.argsort(starts, kind="stable")
    left = [int(row) for row in order]
    tolerance = TIE * float(np.abs(scores).max())
    chosen: list[int] = []
    while left and len(chosen) < count:
        top = max(scores[row] for row in left)
        row = next(row for row in left if scores[row] >= top - tolerance)
        chosen.append(row)
        left.remove(row)
        if max_overlap is not None:
            left = [other for other in left if _overlap(starts[row], starts[other], num_frames) <= max_overlap]
    return chosen


def _overlap(one: float, other: float, num_frames: float) -> float:
    """Shared fraction of two windows of equal length."""
    return max(0, num_frames - abs(one - other)) / num_frames
