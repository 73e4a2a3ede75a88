"""What `lip`, `camera` and `lip_camera` share: every face is read and the smallest motion complexity wins."""

from __future__ import annotations

import numpy as np

from tfg.ranking import best
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.faces import Rejected, motion_score, score_motion
from tfg.selectors.motion import TITLE as MOTION
from tfg.selectors.motion import MotionComplexity
from tfg.types import Segment


def select_least_motion(candidates: Candidates, motion: MotionComplexity, signals: str, method: str) -> Selection:
    """argmin MC over all candidates (rows of Table 4); the score that is maximised is -MC."""
    outcomes = score_motion(candidates, candidates.starts, motion, signals)
    rated = {start: -outcome.complexity for start, outcome in outcomes.items() if not isinstance(outcome, Rejected)}
    starts = tuple(rated)
    row = best(np.array([rated[start] for start in starts]), starts, 1)[0]
    return Selection(
        segment=Segment.whole(start=starts[row], num_frames=candidates.num_frames),
        method=method,
        scores=tuple(motion_score(start, outcomes[start], rated.get(start)) for start in candidates.starts),
        definition=f"smallest MC of {len(candidates.starts)} candidates; MC = {motion.definition(signals)}",
        timeline=MOTION,
    )
