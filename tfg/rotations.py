"""Head rotations (n, 3, 3), camera from head: how far they are apart, and heads that turn about their neck."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.types import Floats

NECK = np.array([0.0, 0.95, 0.95])  # head space: the top of the neck, about which a head turns


def nearest_angles(wanted: Floats, known: Floats) -> NDArray[np.float64]:
    """(n, 3, 3), (m, 3, 3) -> (n,) degrees from each wanted rotation to the nearest known one."""
    rows, columns = (rotations.reshape(-1, 9).astype(np.float64) for rotations in (wanted, known))
    trace = (rows @ columns.T).max(axis=1)  # of the relative rotation; its angle falls with it
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def turns(yaw: NDArray[np.floating], pitch: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) degrees twice -> (n, 3, 3) of a head that nods (chin down is positive), then turns (to the image's right is positive)."""
    y, p = np.deg2rad(np.asarray(yaw, np.float64)), np.deg2rad(np.asarray(pitch, np.float64))
    zero, one = np.zeros_like(y), np.ones_like(y)
    turn = np.stack([np.cos(y), zero, -np.sin(y), zero, one, zero, np.sin(y), zero, np.cos(y)], axis=-1)
    nod = np.stack([one, zero, zero, zero, np.cos(p), -np.sin(p), zero, np.sin(p), np.cos(p)], axis=-1)
    return np.asarray(turn.reshape(-1, 3, 3) @ nod.reshape(-1, 3, 3))


def necks(rotation: Floats, translation: Floats) -> NDArray[np.float64]:
    """(n, 3) where the top of the neck is in camera space, of heads at (n, 3, 3) and (n, 3)."""
    return np.asarray(translation + rotation.astype(np.float64) @ NECK)


def about_necks(rotation: NDArray[np.floating], neck: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """(n, 3, 3) and (n, 3): rotation and translation of heads so turned whose necks are at (n, 3) or (3,)."""
    turned = np.asarray(rotation, np.float64)
    return turned.astype(np.float32), (neck - turned @ NECK).astype(np.float32)
