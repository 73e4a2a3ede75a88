"""The baseline: any candidate with speech, drawn without replacement. Average at least three draws before comparing with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.selectors.voicing import LEAST_VOICED
from tfg.types import InputError, Segment

SILENT = f"passed over: less than {LEAST_VOICED:.0%} of its frames hold speech"


@dataclass(frozen=True, kw_only=True)
class Random:
    """Seeds 0, 1, 2 ... walk one permutation of a clip's candidates, so that k seeds are k different segments."""

    name: str

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """The `candidates.draw`-th candidate with speech in the order that the generator alone decides."""
        starts = candidates.starts
        order = [starts[row] for row in rng.permutation(len(starts))]
        silent = [start for start in order if not _speaks(candidates, start)]
        drawn = [start for start in order if start not in silent]
        if candidates.draw >= len(drawn):
            raise InputError(
                f"{candidates.where}: seed={candidates.draw}: random draws without replacement, and there are {len(drawn)} "
                f"candidates with speech; give a seed below {len(drawn)}"
            )
        chosen = drawn[candidates.draw]
        passed = set(silent) & set(order[: order.index(chosen)])
        return Selection(
            segment=Segment.whole(start=chosen, num_frames=candidates.num_frames),
            method=self.name,
            scores=tuple(CandidateScore(start=start, note=SILENT if start in passed else None) for start in starts),
            definition=f"draw {candidates.draw} without replacement out of {len(drawn)} candidates with speech, all equally likely",
        )


def _speaks(candidates: Candidates, start: int) -> bool:
    if candidates.voiced is None:
        return True
    return bool(candidates.voiced()[start : start + candidates.num_frames].mean() >= LEAST_VOICED)
