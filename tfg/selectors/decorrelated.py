"""Decorrelated: the candidate in which the mouth's opening follows the head's pose least.

Not of the paper. In five seconds heads learn lips from the pose where both go together, and show them under other speech too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import mouth_opening
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.checks import check_count
from tfg.selectors.diversity import TITLE as DIVERSITY
from tfg.selectors.faces import Rejected, clear_frames, score_faces, too_few_clear
from tfg.selectors.finalists import Rated, choose
from tfg.selectors.poses import pose_numbers
from tfg.selectors.shortlist import Shortlist
from tfg.types import FaceTrack

SHARE = "mouth_explained_by_pose"
_STILL = 1e-4  # of the eye distance: standard deviation of a mouth that does not move


@dataclass(frozen=True, kw_only=True)
class Decorrelated:
    """Minimises R2 of the mouth's opening on six numbers of the head's pose."""

    name: str
    max_missing: int
    shortlist: Shortlist

    def __post_init__(self) -> None:
        check_count("max_missing", self.max_missing, 0)

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Faces of the shortlist; a candidate without a clear face, or whose mouth is still, drops out."""
        listed = self.shortlist.of(candidates)

        def measure(track: FaceTrack) -> Rated | Rejected:
            if (unclear := too_few_clear(track, self.max_missing)) is not None:
                return unclear
            opening = mouth_opening(track.landmarks[clear_frames(track)], "run").astype(np.float64)
            if opening.std() < _STILL:
                return Rejected(reason="the mouth does not move")
            share = explained(opening, pose_numbers(track, candidates.where))
            return Rated(score=1 - share, measured={SHARE: share, "mouth_deviation": float(opening.std())})

        return choose(
            candidates,
            score_faces(candidates, listed.starts, measure, "selector.max_missing"),
            method=self.name,
            definition="smallest share of the mouth opening's variance that a linear function of the head's turn (3), place (2) and "
            f"size (1) explains within the candidate, of {self.shortlist.definition(len(candidates.starts))}",
            diversity=listed.diversity,
            timeline=None if listed.diversity is None else DIVERSITY,
            panels=((SHARE, "share of the mouth's variance that pose explains; the smallest is chosen"),),
        )


def explained(values: NDArray[np.float64], regressors: NDArray[np.float64]) -> float:
    """R2 in [0, 1] of (n,) values on (n, k) regressors and a constant, by least squares; regressors that do not vary count nothing."""
    centred = values - values.mean()
    moving = regressors - regressors.mean(axis=0)
    deviation = moving.std(axis=0)
    kept = deviation > 1e-6  # radians, eye distances: below the rounding of the landmarks
    scaled = moving[:, kept] / deviation[kept]
    left = centred - scaled @ np.linalg.lstsq(scaled, centred, rcond=1e-9)[0]
    return float(np.clip(1 - (left @ left) / (centred @ centred), 0.0, 1.0))
