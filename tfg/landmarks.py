"""The iBUG 68-point convention, once for every room: indices, named regions, anchors, eye distance and mouth opening.

Points 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-59 outer and 60-67 inner lip contour, from the image's left to its right:
for a face that looks at the camera the first side is the person's right.
"""

from __future__ import annotations

import numpy as np

from tfg.types import Floats

JAW = slice(0, 17)
BROWS = slice(17, 27)
NOSE = slice(27, 36)
NOSE_BASE = 33  # below the tip, between the nostrils
EYES = slice(36, 48)
MOUTH = slice(48, 68)
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)
NOSE_BRIDGE = (27, 28, 29, 30)
NOSTRILS = (31, 32, 33, 34, 35)
EYE_CORNERS = (36, 39, 42, 45)
OUTER_EYE_CORNERS = (36, 45)
ANCHORS = NOSE_BRIDGE + EYE_CORNERS
"""Points that speech does not move: where the head is, however large the mouth opens."""

INNER_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper, lower


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
