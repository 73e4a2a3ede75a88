"""The iBUG 68-point convention, once for every room: indices, named regions, anchors, eye distance and mouth opening.

Points 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-59 outer and 60-67 inner lip contour, from the image's left to its right:
for a face that looks at the camera the first side is the person's right. A region is a slice where its points follow each other,
else a tuple of indices; `indices` makes one tuple of several.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

JAW = slice(0, 17)
TEMPLES = (0, 1, 2, 14, 15, 16)  # temples and cheekbones: the contour above the moving jaw
EAR_LOBES = (3, 13)  # jaw points just under them
LOWER_JAW = slice(4, 13)  # between the ear lobes
CHIN_ARC = slice(6, 11)
CHIN = 8
BROWS = slice(17, 27)
NOSE = slice(27, 36)
NOSE_BRIDGE = (27, 28, 29, 30)
NOSE_ROOT = 27  # between the eyes
NOSE_TIP = 30
NOSTRILS = (31, 32, 33, 34, 35)
NOSE_BASE = 33  # below the tip, between the nostrils
EYES = slice(36, 48)
# Of the image; corner, two of the upper lid, corner, two of the lower lid.
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
EYE_CORNERS = (36, 39, 42, 45)
OUTER_EYE_CORNERS = (36, 45)
MOUTH = slice(48, 68)
MOUTH_CORNERS = (48, 54)
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)
INNER_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper, lower

# Points that speech does not move: where the head is, however large the mouth opens.
ANCHORS = NOSE_BRIDGE + EYE_CORNERS


def indices(*regions: slice | tuple[int, ...]) -> tuple[int, ...]:
    """The points of regions one after the other."""
    return tuple(
        index
        for region in regions
        for index in (range(region.start, region.stop) if isinstance(region, slice) else region)
    )


# Which vertex of MediaPipe's mesh stands for which point. Chosen on the canonical mesh: the jaw points at equal arc length from the
# temple (eye height) to the chin, the nose bridge at equal steps, the lips at the iBUG fractions of the lip contour.
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

# Points that speech moves, as far as five seconds can show how: the jaw's contour slides over the face, but for the chin.
LIPS_AND_CHIN = indices(MOUTH, CHIN_ARC)
LIP_CHANNELS = 2 * len(
    LIPS_AND_CHIN
)  # of lip motion: to the image's right and down, in head units, of each of LIPS_AND_CHIN


def eye_distance(landmarks: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Distance between the outer eye corners: (..., 68, 2 or 3) -> (...), same unit and precision."""
    left, right = OUTER_EYE_CORNERS
    return np.asarray(np.linalg.norm(landmarks[..., left, :] - landmarks[..., right, :], axis=-1))


def mouth_opening(landmarks: NDArray[np.floating[Any]], scale: str = "none") -> NDArray[np.floating[Any]]:
    """Mean distance of the three inner-lip pairs (61-67, 62-66, 63-65): (..., 68, 2) -> (...), same precision.

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
    return np.asarray(opening)
