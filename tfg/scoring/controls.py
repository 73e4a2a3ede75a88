"""What is scored beside a head: two videos that no head made, and the same head driven without its speech.

static    the mean training frame                       cannot have the frame's pose, torso or background
nearest   the training frame of nearest sound and pose   likewise
mute      the head under the mean training audio         all that a head gets but speech
rolled    the head under the held-out audio, rolled      natural speech at the wrong time
still     the head under the held-out audio at one pose  lips that do not follow speech here followed the pose
shuffled  the head under its audio windows, shuffled     the right sounds in no order
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import MetricValue
from tfg.record import identity
from tfg.types import FPS, Bytes, Floats, Portrait

LEAST_ROLL = 2 * FPS  # frames to either side: speech 2 s away is other speech
LIPS = ("lmd", "mouth_correlation", "closure_recall", "sync_c_listener")  # one name of each metric
MOUTH_AND_LIPS = ("psnr_mouth", *LIPS)
# Its pose is not the frame's: no picture of it can be compared with the truth's, nor can places of its lips.
SCORED = {"mute": MOUTH_AND_LIPS, "rolled": MOUTH_AND_LIPS, "still": LIPS[1:], "shuffled": MOUTH_AND_LIPS}
NOTES = {
    "static": "the mean training frame, in every frame",
    "nearest": "for each frame the training frame of nearest audio window and head pose",
    "mute": "the head driven by the mean training audio",
    "rolled": "the head driven by the held-out audio rolled by half its length, at least 2 s either way",
    "still": "the head driven by the held-out audio at one training pose, over that frame's background",
    "shuffled": "the head driven by its audio windows in random order",
}


@dataclass(frozen=True, kw_only=True)
class Driven:
    """What drives the head in a control; n frames."""

    portrait: Portrait  # poses, expressions and backgrounds
    windows: Floats  # (n, 8, channels) normalised


def drive(name: str, train: Portrait, test: Portrait, windows: Floats, *seeded_by: object) -> Driven | str:
    """What drives the head in `mute`, `rolled`, `still` or `shuffled`, or why that control cannot be made of so few frames.

    `windows` (n, 8, channels) are the held-out part's, normalised on the training segment, whose mean is therefore 0.
    """
    if name == "mute":
        return Driven(portrait=test, windows=np.zeros_like(windows))
    if name == "rolled":
        if len(windows) < 2 * LEAST_ROLL:
            return f"{len(windows)} held-out frames cannot be rolled by {LEAST_ROLL} either way"
        return Driven(portrait=test, windows=np.roll(windows, len(windows) // 2, axis=0))
    if name == "still":
        return Driven(portrait=_held_still(train, test), windows=windows)
    if name == "shuffled":
        order = np.random.default_rng(identity.seed_for("shuffle", *seeded_by)).permutation(len(windows))
        return Driven(portrait=test, windows=windows[order])
    raise ValueError(f"drive: no control is named '{name}'")


def static(train: Portrait, count: int) -> Bytes:
    """The mean training frame, `count` times: (count, size, size, 3)."""
    mean = np.zeros(train.images.shape[1:], np.float64)
    for picture in train.images:
        mean += picture
    mean_frame = np.round(mean / len(train.images)).astype(np.uint8)
    return np.broadcast_to(mean_frame, (count, *mean_frame.shape))


def nearest(train: Portrait, test: Portrait, train_windows: Floats, test_windows: Floats) -> Bytes:
    """For each test frame the training frame nearest in audio window and head pose: (n, size, size, 3).

    Both are standardised on the training segment and weighted equally. Windows are normalised, (n, 8, c).
    """
    return train.images[nearest_rows(train, test, train_windows, test_windows)]


def nearest_rows(train: Portrait, test: Portrait, train_windows: Floats, test_windows: Floats) -> NDArray[np.int64]:
    """(n,) the rows of these training frames."""
    known = np.concatenate([_sound(train_windows, train_windows), _pose(train, train)], axis=1)
    wanted = np.concatenate([_sound(test_windows, train_windows), _pose(test, train)], axis=1)
    squared = (wanted**2).sum(1)[:, None] - 2 * wanted @ known.T + (known**2).sum(1)[None]
    return np.asarray(squared.argmin(axis=1))


def absent(like: dict[str, MetricValue], why: str) -> dict[str, MetricValue]:
    """Numbers that a control does not have, under the definitions and facts of those of the run."""
    return {name: replace(value, value=None, per_frame=None, unavailable=why) for name, value in like.items()}


def decoded(values: dict[str, MetricValue]) -> dict[str, MetricValue]:
    """Numbers of decoded files under names and titles of their own: psnr_decoded, ..."""
    return {
        f"{name}_decoded": replace(value, facts=replace(value.facts, title=f"{value.facts.title}, decoded"))
        for name, value in values.items()
    }


def _held_still(train: Portrait, test: Portrait) -> Portrait:
    """The test portrait in the training frame whose pose is nearest the mean pose, over its background.

    Landmarks are that frame's, for readers that must be shown where the head is; expressions stay the test's.
    """
    rows: NDArray[np.int64] = np.full(len(test.frames), middle_row(train), np.int64)
    return replace(
        test,
        cameras=train.cameras.take(rows),
        background=train.background[rows],
        landmarks=train.landmarks[rows],
    )


def middle_row(train: Portrait) -> int:
    """The training frame whose pose is nearest the mean pose."""
    return int((_pose(train, train) ** 2).sum(axis=1).argmin())


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
