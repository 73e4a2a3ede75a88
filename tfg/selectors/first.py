"""The baseline of habit: the beginning of the video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.types import Segment


@dataclass(frozen=True, kw_only=True)
class First:
    name: str

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """No feature is read."""
        return Selection(
            segment=Segment.whole(start=candidates.starts[0], num_frames=candidates.num_frames),
            method=self.name,
            scores=tuple(CandidateScore(start=start) for start in candidates.starts),
            definition=f"the first of {len(candidates.starts)} candidates",
        )
