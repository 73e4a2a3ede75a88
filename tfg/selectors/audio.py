"""Audio alone: the candidate whose speech is most varied (Table 4, row `Audio`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.ranking import best
from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.selectors.diversity import TITLE as DIVERSITY
from tfg.selectors.diversity import Diversity
from tfg.selectors.voicing import voiced_ratios
from tfg.types import Segment


@dataclass(frozen=True, kw_only=True)
class Audio:
    name: str
    diversity: Diversity

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """argmax D over all candidates; no face is read."""
        scores = self.diversity.of(candidates.audio(), candidates.starts, candidates.num_frames)
        voiced = voiced_ratios(candidates)
        row = best(scores, candidates.starts, 1)[0]
        return Selection(
            segment=Segment.whole(start=candidates.starts[row], num_frames=candidates.num_frames),
            method=self.name,
            scores=tuple(
                CandidateScore(start=start, diversity=float(score), score=float(score), extras=extras)
                for start, score, extras in zip(candidates.starts, scores, voiced, strict=True)
            ),
            definition=f"largest D of {len(candidates.starts)} candidates; D = {self.diversity.definition()}",
            timeline=DIVERSITY,
        )
