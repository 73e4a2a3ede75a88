"""What is scored beside a head: the mean training frame, the training frame of nearest sound and pose, shuffled audio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfg.metrics.base import MetricValue
from tfg.record import identity
from tfg.types import Bytes, Floats, Portrait

SCORED_SHUFFLED = ("mouth_correlation", "sync_c_listener")  # what must vanish without the right sound
# How a number came about besides its metric: the suffix of its name, and the note of its definition.
DERIVED = {
    "decoded": "both written as H.264 and decoded again",
    "shuffled": "control: held-out frames rendered with their audio windows in random order",
}


def derived(values: dict[str, MetricValue], how: str) -> dict[str, MetricValue]:
    """The values under the names and facts of numbers that came about in one of the ways of DERIVED.

    A shuffled control is a diagnosis: neither direction is better.
    """
    if how not in DERIVED:
        raise ValueError(f"derived: how must be one of {', '.join(DERIVED)}, not '{how}'")
    title = {"decoded": "decoded", "shuffled": "audio shuffled"}[how]
    return {
        f"{name}_{how}": replace(
            value,
            facts=replace(
                value.facts,
                title=f"{value.facts.title}, {title}",
                better="none" if how == "shuffled" else value.facts.better,
            ),
        )
        for name, value in values.items()
    }


def shuffle(windows: Floats, *names: object) -> Floats:
    """Whole audio windows (n, 8, channels) in an order that depends on the names alone."""
    rng = np.random.default_rng(identity.seed_for("shuffle", *names))
    return windows[rng.permutation(len(windows))]


def static(train: Portrait, count: int) -> Bytes:
    """The mean training frame, `count` times: (count, size, size, 3)."""
    mean = np.zeros(train.images.shape[1:], np.float64)
    for picture in train.images:
        mean += picture
    mean_frame = np.round(mean / len(train.images)).astype(np.uint8)
    return np.repeat(mean_frame[None], count, axis=0)


def nearest(train: Portrait, test: Portrait, train_windows: Floats, test_windows: Floats) -> Bytes:
    """For each test frame the training frame nearest in audio window and head pose: (n, size, size, 3).

    Both are standardised on the training segment and weighted equally. Windows are normalised, (n, 8, c).
    """
    known = np.concatenate([_sound(train_windows, train_windows), _pose(train, train)], axis=1)
    wanted = np.concatenate([_sound(test_windows, train_windows), _pose(test, train)], axis=1)
    squared = (wanted**2).sum(1)[:, None] - 2 * wanted @ known.T + (known**2).sum(1)[None]
    return train.images[squared.argmin(axis=1)]


def _sound(windows: Floats, reference: Floats) -> Floats:
    """(n, 8 c), scaled so that the reference's total variance is 1."""
    flat = windows.reshape(len(windows), -1)
    centre = reference.reshape(len(reference), -1)
    return (flat - centre.mean(0)) / np.sqrt(centre.var(0).sum() + 1e-12)


def _pose(portrait: Portrait, reference: Portrait) -> Floats:
    """(n, 12) rotation and translation, scaled so that the reference's total variance is 1."""

    def flat(p: Portrait) -> Floats:
        # A radian counts as three head units: about equal pixels.
        rotation = p.cameras.rotation.reshape(len(p.frames), 9) * 3.0
        return np.concatenate([rotation, p.cameras.translation], axis=1)

    centre = flat(reference)
    return (flat(portrait) - centre.mean(0)) / np.sqrt(centre.var(0).sum() + 1e-12)
