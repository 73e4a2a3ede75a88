"""Lips and head, no audio: the candidate that moves most simply in both (Table 4, row `Lip camera`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, Selection
from tfg.selectors.least_motion import select_least_motion
from tfg.selectors.motion import MotionComplexity


@dataclass(frozen=True, kw_only=True)
class LipCamera:
    name: str
    motion: MotionComplexity

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """argmin MC over lips and lip-centroid speed of all candidates; no sound is used."""
        return select_least_motion(candidates, self.motion, "both", self.name)
