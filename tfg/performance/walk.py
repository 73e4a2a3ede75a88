"""A path over a person's training rows, as long as wanted, without a jump and without a period (a video texture).

Schodl et al. 2000, "Video Textures", and Kovar et al. 2002, "Motion Graphs": play on, and change over only where frames fit.
Differs from them: rows are also played backwards, and a change of direction is eased, since a head's motion has no arrow of time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from tfg.performance.channels import Channel, Sizes, Values, coarse, pictures
from tfg.types import FPS, Bytes

CALM = 0.9  # quantile of the person's own steps that no frame of a change-over exceeds
CUT = 4.0  # times the CALM step of whole pictures; measured: natural ones reach 1.9 (seven 5 s segments), GRID's joins 9 and 16
OVER = 15  # frames of a change-over to other rows
FITS = 3.0  # CALM steps that the two sides of a change-over may be apart at its middle
TRIED = 12  # of the nearest candidates, in an order drawn; the first that holds is taken
OTHER = 0.7  # share of changes that look for other rows; the rest, and those that find none, turn round
PLAYED = (1 * FPS, 4 * FPS)  # frames of play before a change is looked for, drawn evenly
EASED = (8, 4, 2, 0)  # frames of a change of direction; the shorter ones for runs of a few rows
BORDER = 12  # rows before an end of a run, of which the slowest is where it turns


@dataclass(frozen=True, kw_only=True)
class Walk:
    """For every new frame two training rows and the weight of the second."""

    first: NDArray[np.int64]  # (n,)
    second: NDArray[np.int64]  # (n,)
    weight: Sizes  # (n,) in [0, 1)

    def rows(self, start: int, stop: int) -> Walk:
        """Frames [start, stop) of it."""
        return Walk(first=self.first[start:stop], second=self.second[start:stop], weight=self.weight[start:stop])

    def nearer(self) -> NDArray[np.int64]:
        """(n,) of the two rows that of the larger weight."""
        return np.where(self.weight < 0.5, self.first, self.second)

    def weight_of_pictures(self) -> Sizes:
        """(n,) of the second row's picture in [0, 1]: neighbouring rows are not mixed, one row's picture is taken."""
        return np.where(np.abs(self.first - self.second) == 1, (self.weight >= 0.5).astype(float), self.weight)

    def of(self, channel: Channel) -> Values:
        """The channel's values along it; pictures between neighbouring rows are the nearer one's."""
        weight = self.weight_of_pictures() if channel.is_pictures else self.weight
        return channel.blend(channel.values[self.first], channel.values[self.second], weight)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Rows low to high without a cut; a walk through them turns at `first` and `last`, in `eased` frames."""

    low: int
    high: int
    first: int
    last: int
    eased: int


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Rows to walk on: `channels` decide what fits; `cuts` (n - 1,) says between which neighbours none may pass."""

    channels: Sequence[Channel]
    cuts: NDArray[np.bool_]

    @cached_property
    def calm(self) -> list[float]:
        """The CALM step of every channel, cuts left out."""
        return [calm_step(channel.steps()[~self.cuts]) for channel in self.channels]

    @cached_property
    def coarse(self) -> list[Channel]:
        """The channels that a search over many rows compares."""
        return [coarse(channel) for channel in self.channels]

    @cached_property
    def speed(self) -> Sizes:
        """(n,) mean of the steps before and after a row, in CALM steps, of the channel that moves most."""
        units = [in_units(channel.steps(), unit) for channel, unit in zip(self.channels, self.calm, strict=True)]
        inside = np.pad(~self.cuts, 1)
        steps = np.where(inside, np.pad(np.max(units, axis=0), 1), 0.0)
        return (steps[:-1] + steps[1:]) / np.maximum(inside[:-1].astype(int) + inside[1:], 1)

    @cached_property
    def runs(self) -> list[Run]:
        """Every stretch without a cut."""
        ends = np.flatnonzero(self.cuts).tolist()
        pairs = zip([0, *(end + 1 for end in ends)], [*ends, len(self.cuts)], strict=True)
        return [self._run(low, high) for low, high in pairs]

    def run_of(self, row: int) -> Run:
        return next(run for run in self.runs if run.low <= row <= run.high)

    def holds(self, walk: Walk) -> bool:
        """Whether no step of a walk is larger than the CALM step, in any channel."""
        for channel, limit in zip(self.channels, self.calm, strict=True):
            values = walk.of(channel)
            if (channel.differences(values[:-1], values[1:]) > limit).any():
                return False
        return True

    def gaps(self, row: int, others: NDArray[np.int64]) -> Sizes:
        """(m,) difference of a row to others in CALM steps, of the channel that differs most."""
        units = []
        for channel, unit in zip(self.coarse, self.calm, strict=True):
            one = np.broadcast_to(channel.values[row], (len(others), *channel.values.shape[1:]))
            units.append(in_units(channel.differences(one, channel.values[others]), unit))
        return np.max(units, axis=0)

    def _run(self, low: int, high: int) -> Run:
        length = high - low + 1
        eased = next(frames for frames in EASED if 4 * _reach(frames) <= length)
        reach = _reach(eased)
        border = min(BORDER, (length - 2 * reach - 1) // 4)
        near, far = slice(low + reach, low + reach + border + 1), slice(high - reach - border, high - reach + 1)
        first, last = near.start + int(np.argmin(self.speed[near])), far.start + int(np.argmin(self.speed[far]))
        return Run(low=low, high=high, first=first, last=last, eased=eased)


def calm_step(steps: Sizes) -> float:
    """The CALM quantile of steps, one that occurs; 0 where there is none."""
    return float(np.quantile(steps, CALM, method="lower")) if len(steps) else 0.0


def cuts_of(images: Bytes, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n - 1,) whether neighbouring pictures (n, size, size, 3) show no motion but a cut, or are no neighbours in time.

    `frames` (n,): of the clip; between two that do not follow each other one piece of a segment ends and another begins.
    """
    joints = np.diff(frames) != 1
    steps = coarse(pictures(images)).steps()
    calm = calm_step(steps[~joints])
    return joints | (steps > CUT * calm) if calm > 0 else joints


def in_units(sizes: Sizes, unit: float) -> Sizes:
    """Sizes as multiples of a unit; where the unit is 0, nothing but 0 is small."""
    return sizes / unit if unit > 0 else np.where(sizes > 0, np.inf, 0.0)


def walk(ground: Ground, num_frames: int, rng: np.random.Generator) -> Walk:
    """A path of `num_frames` frames from anywhere in the longest run."""
    return joined(list(islice(endless(ground, rng), num_frames)))


Frame = tuple[int, int, float]  # first row, second row, weight of the second


def endless(ground: Ground, rng: np.random.Generator) -> Iterator[Frame]:
    """The frames of `walk` without end."""
    run = max(ground.runs, key=lambda run: run.high - run.low)
    row, heading = int(rng.integers(run.first, run.last + 1)), _heading(rng)
    usual, left = float(np.median(ground.speed)), _played(rng)
    while True:
        yield row, row, 0.0
        left -= 1
        at_end = row >= run.last if heading > 0 else row <= run.first
        last_chance = row == (run.high - OVER if heading > 0 else run.low + OVER)
        wanted = left <= 0 and ground.speed[row] <= usual
        if (wanted or last_chance) and rng.random() < OTHER and (found := _change_over(ground, row, heading, rng)):
            frames, row, heading = found
            yield from frames
            run, left = ground.run_of(row), _played(rng)
            continue
        if at_end or (wanted and run.first <= row <= run.last):
            yield from _turn(row, heading, run.eased)
            heading = -heading
            left = _played(rng) if wanted else left
        else:
            row += heading


def _turn(row: int, heading: int, eased: int) -> Iterator[Frame]:
    """The frames between a row and the same row the other way: the speed follows a half cosine."""
    place = float(row)
    for frame in range(eased - 1):
        place += heading * math.cos(math.pi * (frame + 0.5) / eased)
        yield math.floor(place), math.floor(place) + 1, place - math.floor(place)


def _reach(eased: int) -> int:
    """Rows that a change of direction goes on before it comes back."""
    return math.ceil(sum(math.cos(math.pi * (frame + 0.5) / eased) for frame in range(eased // 2)) - 1e-9)


def _change_over(
    ground: Ground, row: int, heading: int, rng: np.random.Generator
) -> tuple[list[Frame], int, int] | None:
    """From a row to other rows where both ways fit, cross-faded: the frames between, the row after them, its heading."""
    own = ground.run_of(row)
    if not own.low <= row + heading * OVER <= own.high:
        return None
    candidates = []
    for run in ground.runs:
        for way in (1, -1):
            begin = np.arange(run.first, run.last + 1) - way * OVER
            begin = begin[(begin >= run.low) & (begin <= run.high) & (np.abs(begin - row) >= OVER)]
            candidates.append(np.stack([begin, np.full(len(begin), way)]))
    start, ways = np.concatenate(candidates, axis=1)
    if not len(start):
        return None
    gaps = ground.gaps(row + heading * (OVER // 2), start + ways * (OVER // 2))
    nearest = np.argsort(gaps, kind="stable")[:TRIED]
    for index in rng.permutation(nearest[gaps[nearest] <= FITS]).tolist():
        other, other_way = int(start[index]), int(ways[index])
        frames = [(row + heading * frame, other + other_way * frame, _smooth(frame / OVER)) for frame in range(1, OVER)]
        there = other + other_way * OVER
        if ground.holds(joined([(row, row, 0.0), *frames, (there, there, 0.0)])):
            return frames, there, other_way
    return None


def _smooth(part: float) -> float:
    return part * part * (3 - 2 * part)


def joined(frames: Sequence[Frame]) -> Walk:
    first, second, weight = zip(*frames, strict=True)
    return Walk(first=np.array(first, np.int64), second=np.array(second, np.int64), weight=np.array(weight, np.float64))


def _played(rng: np.random.Generator) -> int:
    return int(rng.integers(PLAYED[0], PLAYED[1] + 1))


def _heading(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1
