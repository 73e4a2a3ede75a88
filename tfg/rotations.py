"""Head rotations (n, 3, 3), camera from head: how far they are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.types import Floats


def nearest_angles(wanted: Floats, known: Floats) -> NDArray[np.float64]:
    """(n, 3, 3), (m, 3, 3) -> (n,) degrees from each wanted rotation to the nearest known one."""
    rows, columns = (rotations.reshape(-1, 9).astype(np.float64) for rotations in (wanted, known))
    trace = (rows @ columns.T).max(axis=1)  # of the relative rotation; its angle falls with it
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))
