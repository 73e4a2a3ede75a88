"""The 68-point convention: which MediaPipe mesh vertex stands for which iBUG-68 point, the named parts, and mouth opening.

Chosen on the canonical mesh (Apache-2.0, `canonical.py`): the jaw points at equal arc length from the temple (eye
height) to the chin, the nose bridge at equal steps, the lips at the iBUG fractions of the lip contour.
"""

from __future__ import annotations

import numpy as np

from tfg.types import Floats

JAW = slice(0, 17)
BROWS = slice(17, 27)
NOSE = slice(27, 36)
EYES = slice(36, 48)
MOUTH = slice(48, 68)
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)
OUTER_EYE_CORNERS = (36, 45)
INNER_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper, lower

# Image-left side first, as in iBUG: for a face that looks at the camera that is the person's right.
MESH_VERTICES = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),  # 0-16 jaw, temple to temple
    *(70, 63, 105, 66, 107),  # 17-21 brow at image left, outer to inner
    *(336, 296, 334, 293, 300),  # 22-26 brow at image right, inner to outer
    *(168, 197, 5, 1),  # 27-30 nose bridge, root to tip
    *(98, 97, 2, 326, 327),  # 31-35 nostrils
    *(33, 160, 158, 133, 153, 144),  # 36-41 eye at image left
    *(362, 385, 387, 263, 373, 380),  # 42-47 eye at image right
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # 48-59 outer lip contour
    *(78, 81, 13, 311, 308, 402, 14, 178),  # 60-67 inner lip contour
)


def eye_distance(landmarks: Floats) -> Floats:
    """Distance between the outer eye corners: (..., 68, 2 or 3) -> (...), same unit."""
    left, right = OUTER_EYE_CORNERS
    return np.linalg.norm(landmarks[..., left, :] - landmarks[..., right, :], axis=-1).astype(np.float32)


def mouth_opening(landmarks: Floats, scale: str = "none") -> Floats:
    """Mean distance of the three inner-lip pairs (61-67, 62-66, 63-65): (..., 68, 2) -> (...).

    `scale`: "none" keeps pixels; "eyes" divides by the outer eye corner distance of the same frame (head size and
    distance drop out, but turning the head foreshortens it); "run" divides by its median over the first axis.
    """
    upper, lower = np.array(INNER_LIP_PAIRS).T
    opening = np.linalg.norm(landmarks[..., upper, :] - landmarks[..., lower, :], axis=-1).mean(axis=-1)
    if scale == "eyes":
        opening = opening / eye_distance(landmarks)
    elif scale == "run":
        opening = opening / np.nanmedian(eye_distance(landmarks), axis=0)
    elif scale != "none":
        raise ValueError(f"mouth_opening: scale must be none, eyes or run, not '{scale}'")
    return opening.astype(np.float32)
