"""Head and mouth as regions of the picture, from 68 landmarks alone: what makes masks steady from frame to frame."""

from __future__ import annotations

import numpy as np

from tfg.landmarks import BROWS, EAR_LOBES, OUTER_EYE_CORNERS, OUTER_LIPS
from tfg.types import Bools, Floats

JAW_FIRST, JAW_LAST = EAR_LOBES  # beside them the head goes straight outwards
CHIN_MARGIN = 0.03  # of the face height: the landmarks run along the jaw bone, its soft edge lies below
UP, SIDE = 1.3, 0.75  # of the face height: hair above the brows, ears and hair beside the temples
_SUBPIXEL = 4  # bits of cv2's fixed point


def head_region(points: Floats, size: int) -> Bools:
    """Everything above the jaw line and the ear lobes, bounded generously above and beside: (68, 2) -> (size, size).

    To be cut with the person's outline. Hair that hangs below the ear lobes belongs to the torso.
    """
    left_eye, right_eye = points[list(OUTER_EYE_CORNERS)]
    right = right_eye - left_eye
    right = right / np.linalg.norm(right)
    down = np.array([-right[1], right[0]])
    height = float(np.ptp(points @ down))
    jaw = points[JAW_FIRST : JAW_LAST + 1].astype(np.float64)
    middle = len(jaw) // 2
    drop = CHIN_MARGIN * height * np.sin(np.linspace(0, np.pi, len(jaw)))  # none at the ears, most at the chin
    jaw = jaw + drop[:, None] * down
    jaw[:middle] -= 0.5 * CHIN_MARGIN * height * right
    jaw[middle + 1 :] += 0.5 * CHIN_MARGIN * height * right
    out = SIDE * height * right
    top = (points[BROWS].mean(axis=0) - jaw[[0, -1]].mean(axis=0)) @ down * down - UP * height * down
    ends = np.stack([jaw[-1] + out, jaw[-1] + out + top, jaw[0] - out + top, jaw[0] - out])
    return _fill(np.concatenate([jaw, ends]), size)


def mouth_region(points: Floats, size: int) -> Bools:
    """Inside of the lips' outer contour: (68, 2) -> (size, size)."""
    return _fill(points[OUTER_LIPS], size)


def _fill(polygon: Floats, size: int) -> Bools:
    """Pixels of a polygon given in pixel coordinates whose first centre is (0.5, 0.5)."""
    import cv2

    canvas = np.zeros((size, size), np.uint8)
    fixed = np.round((polygon - 0.5) * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 1, shift=_SUBPIXEL)
    return canvas.astype(bool)
