"""Baselines that keep us honest: the mean training frame, and the training frame whose sound and pose are nearest."""

from __future__ import annotations

import numpy as np

from tfg.types import Bytes, Floats, Portrait

STATIC = "the mean training frame"
NEAREST = (
    "the training frame nearest in (audio window, head rotation and translation), both standardised on the training segment "
    "and weighted equally"
)


def static(train: Portrait, count: int) -> Bytes:
    """The mean training frame, `count` times: (count, size, size, 3)."""
    mean = np.zeros(train.images.shape[1:], np.float64)
    for picture in train.images:
        mean += picture
    mean_frame = np.round(mean / len(train.images)).astype(np.uint8)
    return np.repeat(mean_frame[None], count, axis=0)


def nearest(train: Portrait, test: Portrait, train_windows: Floats, test_windows: Floats) -> Bytes:
    """For each test frame the training frame at the smallest distance: (n, size, size, 3). Windows are normalised, (n, 8, c)."""
    known = np.concatenate([_sound(train_windows, train_windows), _pose(train, train)], axis=1)
    asked = np.concatenate([_sound(test_windows, train_windows), _pose(test, train)], axis=1)
    squared = (asked**2).sum(1)[:, None] - 2 * asked @ known.T + (known**2).sum(1)[None]
    return train.images[squared.argmin(axis=1)]


def _sound(windows: Floats, reference: Floats) -> Floats:
    """(n, 8 c), scaled so that the reference's total variance is 1."""
    flat = windows.reshape(len(windows), -1)
    centre = reference.reshape(len(reference), -1)
    return (flat - centre.mean(0)) / np.sqrt(centre.var(0).sum() + 1e-12)


def _pose(portrait: Portrait, reference: Portrait) -> Floats:
    """(n, 12) rotation and translation, scaled so that the reference's total variance is 1."""

    def flat(p: Portrait) -> Floats:
        rotation = (
            p.cameras.rotation.reshape(len(p.frames), 9) * 3.0
        )  # a radian counts as three head units: about equal pixels
        return np.concatenate([rotation, p.cameras.translation], axis=1)

    centre = flat(reference)
    return (flat(portrait) - centre.mean(0)) / np.sqrt(centre.var(0).sum() + 1e-12)
