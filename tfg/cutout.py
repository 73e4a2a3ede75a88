"""A head without what stands behind it: pictures with alpha, from two renderings, over black and over white.

Every backbone composites its head over the background, c = f + (1 - a) b, so that the two tell f and a apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tfg.types import Bytes, Portrait


def cut_out(draw: Callable[[Portrait], Bytes], rows: Portrait) -> Bytes:
    """(n, size, size, 4) RGBA, colours not multiplied by alpha; `draw` renders rows over their backgrounds.

    Alpha is exact to 1/255 or so; where it is 0 the colour is black.
    """
    black, white = (
        draw(replace(rows, background=np.full_like(rows.background, shade))).astype(np.float32) for shade in (0, 255)
    )
    alpha = np.clip(255 - (white - black).mean(axis=-1, keepdims=True), 0, 255)
    colour = np.where(alpha >= 1, black * 255 / np.maximum(alpha, 1), 0)
    return np.concatenate([np.clip(colour, 0, 255), alpha], axis=-1).round().astype(np.uint8)
