"""A segment named by its first second: to train what another study chose, or what a person wants to see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.types import FPS, InputError, Segment


@dataclass(frozen=True, kw_only=True)
class At:
    """The segment that begins at `start` seconds, to the nearest frame."""

    start: float | None  # seconds
    name: str

    def __post_init__(self) -> None:
        if self.start is None:
            raise InputError("start: selector=at trains the segment that begins there; give start=SECONDS")
        if not isinstance(self.start, int | float) or not math.isfinite(self.start) or self.start < 0:
            raise InputError(f"start={self.start}: must be a number of seconds, 0 or above")

    def first_frame(self, num_frames: int, num_reference_frames: int, where: str) -> int:
        """Of a segment of `num_frames`; InputError, opened by `where`, if it would leave the training part."""
        assert self.start is not None
        first, last = round(self.start * FPS), num_reference_frames - num_frames
        if first > last:
            raise InputError(
                f"{where}: start={self.start:g}: a segment of {num_frames / FPS:g} s must begin by {last / FPS:g} s to end "
                "inside the training part"
            )
        return first

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Looks at nothing; InputError where the segment leaves the training part."""
        first = self.first_frame(candidates.num_frames, candidates.num_reference_frames, candidates.where)
        return Selection(
            segment=Segment(start=first, num_frames=candidates.num_frames),
            method=self.name,
            scores=(CandidateScore(start=first),),
            definition=f"the segment that begins at {first / FPS:g} s, as given",
        )
