"""ISExplore: varied speech first, then simple motion among the best few (arXiv 2511.07940, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.ranking import best
from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.selectors.checks import check_between, check_choice, check_count
from tfg.selectors.diversity import TITLE as DIVERSITY
from tfg.selectors.diversity import Diversity
from tfg.selectors.faces import Rejected, motion_score, score_motion
from tfg.selectors.motion import SIGNALS, MotionComplexity
from tfg.selectors.motion import TITLE as MOTION
from tfg.selectors.voicing import voiced_ratios
from tfg.types import Segment

EPSILON = 1e-8  # paper equation 3


@dataclass(frozen=True, kw_only=True)
class ISExplore:
    """Maximises I = D / (MC + 1e-8) over the `top` candidates by D (paper equation 3)."""

    name: str
    top: int  # m: candidates whose faces are read
    mc: str  # what MC is pooled over
    max_overlap: float | None  # fraction that two of the top candidates may share; None: any
    diversity: Diversity
    motion: MotionComplexity

    def __post_init__(self) -> None:
        check_count("top", self.top, 1)
        check_choice("mc", self.mc, SIGNALS)
        if self.max_overlap is not None:
            check_between("max_overlap", self.max_overlap, 0.0, 1.0, low_allowed=True)

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Diversity of all candidates, faces of the top few; a candidate without a clear face drops out of them."""
        starts, num_frames = candidates.starts, candidates.num_frames
        diversity = self.diversity.of(candidates.audio(), starts, num_frames)
        rows = best(diversity, starts, self.top, num_frames=num_frames, max_overlap=self.max_overlap)
        outcomes = score_motion(candidates, [starts[row] for row in rows], self.motion, self.mc)
        rated = {
            starts[row]: float(diversity[row]) / (outcome.complexity + EPSILON)
            for row in sorted(rows)
            if not isinstance(outcome := outcomes[starts[row]], Rejected)
        }
        finalists = tuple(rated)
        winner = finalists[best(np.array(list(rated.values())), finalists, 1)[0]]
        voiced = voiced_ratios(candidates)
        return Selection(
            segment=Segment.whole(start=winner, num_frames=num_frames),
            method=self.name,
            scores=tuple(
                motion_score(start, outcomes[start], rated.get(start), float(value), extras)
                if start in outcomes
                else CandidateScore(start=start, diversity=float(value), extras=extras)
                for start, value, extras in zip(starts, diversity, voiced, strict=True)
            ),
            definition=self._definition(len(starts)),
            timeline=DIVERSITY,
            panels=(MOTION, ("score", "score I = D / MC, the largest is chosen")),
        )

    def _definition(self, num_candidates: int) -> str:
        apart = "" if self.max_overlap is None else f" that share at most {self.max_overlap:g} of their length"
        return (
            f"largest D / (MC + {EPSILON:g}) of the {self.top} candidates with the largest D{apart}, out of {num_candidates}; "
            f"D = {self.diversity.definition()}; MC = {self.motion.definition(self.mc)}"
        )
