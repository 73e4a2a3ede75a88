"""A frame of sound with its neighbours: what a linear map from sound to a face looks at."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

REACH = 4  # frames of sound each way that predict a frame

Number = TypeVar("Number", bound=np.floating)


def windows(sound: NDArray[Number]) -> NDArray[Number]:
    """(n, channels) -> (n, (2 REACH + 1) channels): each frame with its neighbours, the first first; the ends repeat."""
    padded = np.pad(sound, ((REACH, REACH), (0, 0)), mode="edge")
    return np.concatenate([padded[shift : shift + len(sound)] for shift in range(2 * REACH + 1)], axis=1)
