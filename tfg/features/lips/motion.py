"""Lip motion of a portrait: how far lips and chin are from where they rest, in head space, so that no pose of the head is in it."""

from __future__ import annotations

import numpy as np

from tfg.landmarks import INNER_LIP_PAIRS, LIP_CHANNELS, LIPS_AND_CHIN
from tfg.types import Cameras, Floats


def lip_opening() -> Floats:
    """(LIP_CHANNELS,): lip motion @ it is how much farther apart the inner lips are than at rest, head units; mean of three pairs."""
    weights = np.zeros((len(LIPS_AND_CHIN), 2), np.float32)
    for upper, lower in INNER_LIP_PAIRS:
        weights[LIPS_AND_CHIN.index(lower), 1] += 1 / len(INNER_LIP_PAIRS)
        weights[LIPS_AND_CHIN.index(upper), 1] -= 1 / len(INNER_LIP_PAIRS)
    return weights.reshape(LIP_CHANNELS)


def lip_motion(landmarks: Floats, cameras: Cameras, face_shape: Floats) -> Floats:
    """(n, 68, 2) pixels, poses and rigid shape (68, 3) -> (n, LIP_CHANNELS) head units, x and y of each of LIPS_AND_CHIN in turn.

    A landmark is lifted to the depth that its rigid place has in the frame; its motion towards the camera is not seen and taken as 0.
    """
    rotation, translation = cameras.rotation.astype(np.float64), cameras.translation.astype(np.float64)
    rows = list(LIPS_AND_CHIN)
    rest = (
        face_shape[rows].astype(np.float64) @ rotation.transpose(0, 2, 1) + translation[:, None]
    )  # (n, k, 3) camera space
    pixels = cameras.focal * rest[..., :2] / rest[..., 2:] + cameras.size / 2
    across = (landmarks[:, rows] - pixels) * rest[..., 2:] / cameras.focal
    turned = np.einsum("nka,nab->nkb", across, rotation[:, :2])  # the rotation's inverse, of (x, y, 0)
    return turned[..., :2].reshape(len(landmarks), LIP_CHANNELS).astype(np.float32)
