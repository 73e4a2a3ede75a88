"""Pose coverage: the candidate whose head poses are nearest to those of the whole training part.

Not of the paper. Face PSNR of six heads of the embedded clip fell with the mean angle to the nearest training pose at r = -0.97.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.rotations import nearest_angles
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.checks import check_count
from tfg.selectors.diversity import TITLE as DIVERSITY
from tfg.selectors.faces import Rejected, score_faces, too_few_clear
from tfg.selectors.finalists import Rated, choose
from tfg.selectors.poses import clear_rotations, sampled_rotations
from tfg.selectors.shortlist import Shortlist
from tfg.types import FaceTrack

ANGLE = "pose_angle_degrees"


@dataclass(frozen=True, kw_only=True)
class PoseCoverage:
    """Minimises the mean angle from sampled poses of the training part to the nearest pose of the candidate."""

    name: str
    sampled_frames: int  # single frames over the whole training part whose faces are read beside those of the shortlist
    max_missing: int
    shortlist: Shortlist

    def __post_init__(self) -> None:
        check_count("sampled_frames", self.sampled_frames, 1)
        check_count("max_missing", self.max_missing, 0)

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Faces of the shortlist and of `sampled_frames` single frames; a candidate without a clear face drops out."""
        listed = self.shortlist.of(candidates)
        wanted = sampled_rotations(candidates, self.sampled_frames)

        def measure(track: FaceTrack) -> Rated | Rejected:
            if (unclear := too_few_clear(track, self.max_missing)) is not None:
                return unclear
            angle = float(nearest_angles(wanted, clear_rotations(track, candidates.where)).mean())
            return Rated(score=-angle, measured={ANGLE: angle})

        return choose(
            candidates,
            score_faces(candidates, listed.starts, measure, "selector.max_missing"),
            method=self.name,
            definition=f"smallest mean angle from the head rotations of {len(wanted)} frames spread over the training part to the "
            f"nearest rotation of the candidate, of {self.shortlist.definition(len(candidates.starts))}",
            diversity=listed.diversity,
            timeline=None if listed.diversity is None else DIVERSITY,
            panels=((ANGLE, "mean angle to the nearest pose, degrees; the smallest is chosen"),),
        )
