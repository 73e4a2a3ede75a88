"""The head alone: the candidate whose lip centroid moves most simply, the proxy of the camera's view (Table 4, row `Camera`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, Selection
from tfg.selectors.least_motion import select_least_motion
from tfg.selectors.motion import MotionComplexity


@dataclass(frozen=True, kw_only=True)
class CameraSelector:
    name: str
    motion: MotionComplexity

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """argmin MC over the lip centroid's speed of all candidates; no sound is used."""
        return select_least_motion(candidates, self.motion, "camera", self.name)
