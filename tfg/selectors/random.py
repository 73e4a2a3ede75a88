"""The baseline: any candidate, all equally likely. Average at least three draws before comparing with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.types import Segment


@dataclass(frozen=True, kw_only=True)
class Random:
    name: str

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Looks at nothing; the generator alone decides."""
        start = candidates.starts[int(rng.integers(len(candidates.starts)))]
        return Selection(
            segment=Segment(start=start, num_frames=candidates.num_frames),
            method=self.name,
            scores=tuple(CandidateScore(start=start) for start in candidates.starts),
            definition=f"one of {len(candidates.starts)} candidates, drawn uniformly",
        )
