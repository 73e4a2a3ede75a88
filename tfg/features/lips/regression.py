"""Lip motion predicted from sound by one linear map: ridge regression on the person's own seconds, drawn to a prior's map.

With weights W ~ N(W_prior, s^2) and errors of variance e^2 the most probable map is W_prior + (X'X + e^2 / s^2)^-1 X'(Y - X W_prior):
without a prior W_prior is 0, and this is plain ridge regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tfg.features.context import REACH, windows
from tfg.features.lips.opening import OpeningRange, opening_range
from tfg.types import Floats

FOLDS = 5  # of frames that follow each other, to see how far predictions of unseen frames move
MOST_GAIN = 2.5  # by which a prediction's motion is enlarged at most
MOST_FRAMES = (
    6000  # that a person counts for in a prior: on the tuning people, four minutes of one speaker are worth all of them
)
_SOFT = 0.1  # share of the channels' mean deviation that is added to each: one that hardly changes in five seconds says nothing

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LipMap:
    """Sound -> lip motion of one person; all that rendering other speech needs."""

    sound_mean: Floats  # (channels,) of the audio features in the training part
    sound_std: Floats  # (channels,)
    weights: Floats  # (2 REACH + 1, channels, k) -> head units
    offset: Floats  # (k,) head units, of the mean sound
    range: OpeningRange

    def predict(self, sound: Floats) -> Floats:
        """(n, channels) audio features -> (n, k) lip motion in head units."""
        inputs = windows((sound - self.sound_mean) / self.sound_std)
        moved = inputs @ self.weights.reshape(-1, self.weights.shape[-1]) + self.offset
        return self.range.mend(moved.astype(np.float32))

    def arrays(self) -> dict[str, Floats]:
        """All of it by name."""
        return {**_arrays(self), **{f"range_{name}": array for name, array in _arrays(self.range).items()}}

    @classmethod
    def of_arrays(cls, named: dict[str, Floats]) -> LipMap:
        """What `arrays` gave; KeyError where one is not there."""
        range_ = OpeningRange(**{part.name: named[f"range_{part.name}"] for part in fields(OpeningRange)})
        return cls(**{part.name: named[part.name] for part in fields(cls) if part.name != "range"}, range=range_)


def fit_map(
    sound: Floats, frames: NDArray[np.int64], motion: Floats, prior: Floats | None, ridge: float, opening: Floats
) -> LipMap:
    """From a clip's audio features (n, channels) and the lip motion (m, k) in ascending `frames` (m,) of it.

    `prior`: (2 REACH + 1, channels, k) map of standardised sound to motion in units of its total standard deviation; None: 0.
    `ridge`: e^2 / s^2 as a share of the mean power of the inputs. `opening` (k,): motion @ opening is how far the mouth opens.
    Motion is enlarged to the size that is seen, and openings to their range, by what predictions of frames apart from those of the
    fit fall short of it: regression alone makes every mouth mumble.
    """
    first, last = max(frames[0] - REACH, 0), frames[-1] + 1 + REACH
    mean, std = _scale(sound[frames])
    inputs = windows((sound[first:last] - mean) / std)[frames - first].astype(np.float64)
    centre = inputs.mean(axis=0)
    inputs = inputs - centre
    exact = motion.astype(np.float64)
    rest = exact.mean(axis=0)
    size = max(float(np.sqrt(exact.var(axis=0).sum())), 1e-9)
    seen = (exact - rest) / size
    start = np.zeros((inputs.shape[1], motion.shape[1])) if prior is None else _flat(prior)
    unseen = _unseen(start, inputs, seen, ridge, frames)
    gain = size * _gain(seen, unseen)
    weights = gain * _drawn_to(start, inputs, seen, ridge)
    return LipMap(
        sound_mean=mean.astype(np.float32),
        sound_std=std.astype(np.float32),
        weights=weights.reshape(2 * REACH + 1, -1, motion.shape[1]).astype(np.float32),
        offset=(rest - centre @ weights).astype(np.float32),
        range=opening_range(exact, rest + gain * unseen, opening),
    )


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What a prior needs of people: sums over frames, so that those of several people add up and one can be left out."""

    power: Doubles  # (inputs, inputs)
    product: Doubles  # (inputs, k)
    frames: float  # weighted

    @classmethod
    def of(cls, clips: Sequence[tuple[Floats, Floats]]) -> Moments:
        """Of one person's clips: audio features (n, channels) and motion (n, k); a person counts by frames, up to MOST_FRAMES.

        In each clip sound is standardised, and motion measured in its total standard deviation.
        """
        total = sum(len(sound) for sound, _ in clips)
        share = min(total, MOST_FRAMES) / total
        inputs = np.concatenate([_centred(windows(standardised(sound))) for sound, _ in clips])
        moved = [_centred(motion) for _, motion in clips]
        seen = np.concatenate([motion / np.sqrt(motion.var(axis=0).sum()) for motion in moved])
        return cls(power=share * inputs.T @ inputs, product=share * inputs.T @ seen, frames=share * total)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            power=self.power + other.power, product=self.product + other.product, frames=self.frames + other.frames
        )

    def __sub__(self, other: Moments) -> Moments:
        return Moments(
            power=self.power - other.power, product=self.product - other.product, frames=self.frames - other.frames
        )

    def prior(self, ridge: float) -> Floats:
        """(2 REACH + 1, channels, k): the map of all people in it; `ridge` is a share of the inputs' mean power, 1."""
        size = len(self.power)
        solved = np.linalg.solve(self.power + ridge * self.frames * np.eye(size), self.product)
        return solved.reshape(2 * REACH + 1, size // (2 * REACH + 1), -1).astype(np.float32)


def standardised(sound: Floats) -> Floats:
    """(n, channels) by its own mean and deviation."""
    mean, std = _scale(sound)
    return (sound - mean) / std


def _arrays(noun: LipMap | OpeningRange) -> dict[str, Floats]:
    return {part.name: value for part in fields(noun) if isinstance(value := getattr(noun, part.name), np.ndarray)}


def _scale(sound: Floats) -> tuple[Floats, Floats]:
    """Mean and softened deviation (channels,) each of (n, channels)."""
    std = sound.std(axis=0)
    return sound.mean(axis=0), std + _SOFT * max(float(std.mean()), 1e-6)


def _centred(values: Floats) -> Doubles:
    exact = values.astype(np.float64)
    return np.asarray(exact - exact.mean(axis=0))


def _flat(weights: Floats) -> Doubles:
    return weights.reshape(-1, weights.shape[-1]).astype(np.float64)


def _drawn_to(start: Doubles, inputs: Doubles, seen: Doubles, ridge: float) -> Doubles:
    """The most probable map; in the frames' space, of which there are fewer than inputs."""
    gram = inputs @ inputs.T
    drawn = np.linalg.solve(gram + ridge * np.trace(gram) / len(gram) * np.eye(len(gram)), seen - inputs @ start)
    return start + inputs.T @ drawn


def _unseen(start: Doubles, inputs: Doubles, seen: Doubles, ridge: float, frames: NDArray[np.int64]) -> Doubles:
    """Of every frame what is predicted from frames apart from it in time."""
    predicted = np.zeros_like(seen)
    for fold in np.array_split(np.arange(len(seen)), FOLDS):
        apart = (frames < frames[fold[0]] - REACH) | (frames > frames[fold[-1]] + REACH)
        predicted[fold] = inputs[fold] @ _drawn_to(start, inputs[apart], seen[apart], ridge)
    return predicted


def _gain(seen: Doubles, unseen: Doubles) -> float:
    """What predictions of unseen frames must be multiplied by to move as far as what is seen, at least 1."""
    moved = float(np.sqrt(unseen.var(axis=0).sum()))
    return float(np.clip(np.sqrt(seen.var(axis=0).sum()) / max(moved, 1e-9), 1.0, MOST_GAIN))
