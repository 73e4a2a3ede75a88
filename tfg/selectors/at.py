"""A segment named by its first second, or by those of its pieces: to train what another study chose, or what a person wants to see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.types import FPS, InputError, Segment


@dataclass(frozen=True, kw_only=True)
class At:
    """The segment that begins at `start` seconds, to the nearest frame; of several starts, pieces of equal length that begin there."""

    start: float | Sequence[float] | None  # seconds
    name: str

    def __post_init__(self) -> None:
        if self.start is None:
            raise InputError("start: selector=at trains the segment that begins there; give start=SECONDS")
        if not self.starts or not all(_is_second(start) for start in self.starts):
            raise InputError(
                f"start={self.start}: must be a number of seconds, 0 or above, or a list of them as [1.0,7.2]"
            )

    @property
    def starts(self) -> tuple[float, ...]:
        """Seconds, in the order of time where they are numbers."""
        assert self.start is not None
        if isinstance(self.start, int | float):
            return (self.start,)
        return tuple(sorted(self.start) if all(_is_second(start) for start in self.start) else self.start)

    def check(self, num_frames: int, num_reference_frames: int, where: str) -> None:
        """InputError, opened by `where`, if a segment of `num_frames` would leave the training part, or its pieces overlap."""
        length = self._piece_frames(num_frames)
        firsts, last = self._first_frames(), num_reference_frames - length
        what = "a segment" if len(firsts) == 1 else "a piece"
        for start, first in zip(self.starts, firsts, strict=True):
            if first > last:
                raise InputError(
                    f"{where}: start={start:g}: {what} of {length / FPS:g} s must begin by {last / FPS:g} s to end "
                    "inside the training part"
                )
        if any(other - one < length for one, other in pairwise(firsts)):
            raise InputError(
                f"start={self.start}: pieces of {length / FPS:g} s that begin there overlap; give starts farther apart"
            )

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Looks at nothing; InputError where the segment leaves the training part."""
        self.check(candidates.num_frames, candidates.num_reference_frames, candidates.where)
        firsts, length = self._first_frames(), self._piece_frames(candidates.num_frames)
        told = f"the segment that begins at {firsts[0] / FPS:g} s, as given"
        if len(firsts) > 1:
            places = ", ".join(f"{first / FPS:g}" for first in firsts)
            told = f"the {len(firsts)} pieces of {length / FPS:g} s that begin at {places} s, as given"
        return Selection(
            segment=Segment.joined(firsts, length),
            method=self.name,
            scores=tuple(CandidateScore(start=first) for first in firsts),
            definition=told,
            piece_frames=length if len(firsts) > 1 else None,
        )

    def _first_frames(self) -> list[int]:
        return [round(start * FPS) for start in self.starts]

    def _piece_frames(self, num_frames: int) -> int:
        count = len(self.starts)
        if num_frames % count:
            raise InputError(
                f"start={self.start}: seconds={num_frames / FPS:g}, {num_frames} frames, cannot be shared by {count} pieces; "
                f"give a number of seconds that can, as seconds={max(1, num_frames // count) * count / FPS:g}"
            )
        return num_frames // count


def _is_second(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
