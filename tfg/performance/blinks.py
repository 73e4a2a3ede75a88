"""A person's own blinks: found in the eyeBlink curves of the training rows, taken out of them, and placed anew at natural intervals.

Nothing is invented: who does not blink in the training rows does not blink under new speech either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tfg.performance.channels import Sizes
from tfg.types import FPS, UPPER_FACE, Bools, Floats

EYES = [UPPER_FACE.index("eyeBlinkLeft"), UPPER_FACE.index("eyeBlinkRight")]
# Measured against the blinks of metrics/blink.py on 18 clips of 12 people: of its 265, 98 % lie in blinks found here; of the 256 here,
# 98 % hold one of its. Neighbours between which the eyes do not open are one.
RISE = 0.25  # of eyeBlink, mean of both eyes, above what surrounds it
DEPTH = 0.85  # of its rise: how far down a blink's sides are followed before they are followed while they still fall
FALLING = 0.02  # of its rise a frame
LONGEST = 25  # frames; longer is no blink but closed or lowered eyes
OWN_INTERVALS = 10  # of the person, from which on they are drawn from
OPEN = 3  # frames at least between two blinks

# Intervals from one blink's begin to the next's while speaking, for people with fewer than OWN_INTERVALS of their own. Mean: 26 blinks
# a minute in conversation (Bentivoglio et al. 1997, Movement Disorders 12(6), 150 people). Shape: log-normal (Borges et al. 2010,
# Arquivos Brasileiros de Oftalmologia 73(4)). Spread within a person: measured on 15 clips of 12 people, 0.40 to 0.77.
MEAN_INTERVAL = 60 / 26  # seconds
LOG_SPREAD = 0.5  # standard deviation of the logarithm


@dataclass(frozen=True, kw_only=True)
class Blinks:
    """The eyeBlink curves of the training rows taken apart: open eyes, and the blinks that were in them."""

    eyes: Floats  # (n, 2) without blinks
    shapes: Sequence[Floats]  # (length, 2) each: what a whole blink adds
    intervals: NDArray[np.int64]  # frames from one begin to the next
    largest: Floats  # (2,) step between neighbouring rows


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A blink of a rendering: its first frame and which of the shapes."""

    frame: int
    shape: int


def take_apart(eyes: Floats, cuts: Bools) -> Blinks:
    """The eyeBlink curves (n, 2) of the training rows; `cuts` (n - 1,) between neighbours that are none in time."""
    opened = eyes.copy()
    shapes: list[Floats] = []
    intervals: list[int] = []
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), len(eyes)]
    for begin, end in pairwise(edges):
        found = find(eyes[begin:end].mean(axis=1, dtype=np.float64))
        intervals += np.diff([first for first, _ in found]).tolist()
        for first, stop in found:
            rows = slice(begin + first, begin + stop)
            opened[rows] = _bridge(eyes[begin:end], first, stop)
            if first > 0 and stop < end - begin:
                shapes.append(eyes[rows] - opened[rows])
    steps = np.abs(np.diff(eyes, axis=0))[~cuts]
    return Blinks(
        eyes=opened, shapes=shapes, intervals=np.array(intervals, np.int64), largest=steps.max(axis=0, initial=0)
    )


def find(closing: Sizes) -> list[tuple[int, int]]:
    """Blinks of a run of frames as (first, stop); `closing` (n,) is the mean eyeBlink of both eyes.

    One that touches an end of the run is cut off.
    """
    from scipy.signal import find_peaks, peak_widths

    padded = np.pad(closing, 1, constant_values=closing.min())
    peaks, facts = find_peaks(padded, prominence=RISE)
    _, _, lefts, rights = peak_widths(padded, peaks, rel_height=DEPTH)
    found: list[tuple[int, int]] = []
    for rise, left, right in zip(facts["prominences"], lefts, rights, strict=True):
        first, last = max(int(np.ceil(left)) - 1, 0), min(int(np.floor(right)) - 1, len(closing) - 1)
        while first > 1 and closing[first - 1] - closing[first - 2] > FALLING * rise:
            first -= 1
        while last < len(closing) - 2 and closing[last + 1] - closing[last + 2] > FALLING * rise:
            last += 1
        if last + 1 - first > LONGEST:
            continue
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last + 1))
        else:
            found.append((first, last + 1))
    return found


def place(blinks: Blinks, num_frames: int, rng: np.random.Generator) -> list[Placed]:
    """Whole blinks in `num_frames` new frames, at least OPEN frames between them; none where the person has none."""
    if not blinks.shapes:
        return []
    placed: list[Placed] = []
    frame = 1 + int(rng.random() * _interval(blinks, rng))  # an open frame before and after each
    while True:
        shape = int(rng.integers(len(blinks.shapes)))
        length = len(blinks.shapes[shape])
        if frame + length >= num_frames:
            return placed
        placed.append(Placed(frame=frame, shape=shape))
        frame += max(_interval(blinks, rng), length + OPEN)


def close(eyes: Floats, blinks: Blinks, placed: Sequence[Placed]) -> Floats:
    """Open eyes (n, 2) with blinks; one is a little weaker where a step would else be larger than the person's own."""
    closing = eyes.copy()
    for blink in placed:
        shape = blinks.shapes[blink.shape]
        rows = slice(blink.frame - 1, blink.frame + len(shape) + 1)
        closing[rows] += _weakened(np.pad(shape, ((1, 1), (0, 0))), np.diff(eyes[rows], axis=0), blinks.largest)
    return np.clip(closing, 0, 1).astype(np.float32)


def _interval(blinks: Blinks, rng: np.random.Generator) -> int:
    """Frames from one blink's begin to the next's."""
    if len(blinks.intervals) >= OWN_INTERVALS:
        return int(rng.choice(blinks.intervals))
    middle = np.log(MEAN_INTERVAL * FPS) - LOG_SPREAD**2 / 2
    return round(float(rng.lognormal(middle, LOG_SPREAD)))


def _bridge(eyes: Floats, first: int, stop: int) -> Floats:
    """A straight line over rows [first, stop) from the row before to the row after; held where there is only one of them."""
    sides = [eyes[row] for row in (first - 1, stop) if 0 <= row < len(eyes)]
    part = (np.arange(first, stop) - first + 1)[:, None] / (stop - first + 1)
    return ((1 - part) * sides[0] + part * sides[-1]).astype(np.float32)


def _weakened(shape: Floats, moves: Floats, largest: Floats) -> Floats:
    """A shape (m, 2) times what its steps leave room for, beside the steps (m - 1, 2) of the open eyes."""
    steps = np.abs(np.diff(shape, axis=0))
    room = np.where(steps > 0, (largest - np.abs(moves)) / np.maximum(steps, 1e-9), 1.0)
    return (shape * np.clip(room.min(axis=0, initial=1), 0, 1)).astype(np.float32)
