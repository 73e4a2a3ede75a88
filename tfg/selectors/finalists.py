"""The end of every selector that measures the faces of a few candidates: the best of them, and what was measured of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfg.ranking import best
from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.selectors.faces import Rejected
from tfg.selectors.voicing import voiced_ratios
from tfg.types import Segment


@dataclass(frozen=True, kw_only=True)
class Rated:
    score: float  # the largest is chosen
    measured: dict[str, float]  # logged beside it


def choose(
    candidates: Candidates,
    outcomes: Mapping[int, Rated | Rejected],
    *,
    method: str,
    definition: str,
    diversity: Mapping[int, float] | None,
    everywhere: Mapping[int, dict[str, float]] | None = None,
    timeline: tuple[str, str] | None,
    panels: tuple[tuple[str, str], ...],
) -> Selection:
    """The outcome of the largest score; `diversity` and `everywhere`: what is known of every candidate by its start."""
    rated = {start: outcome for start in sorted(outcomes) if isinstance(outcome := outcomes[start], Rated)}
    starts = tuple(rated)
    winner = starts[best(np.array([outcome.score for outcome in rated.values()]), starts, 1)[0]]

    def scored(start: int, voiced: dict[str, float] | None) -> CandidateScore:
        outcome = outcomes.get(start)
        of_all = {**(voiced or {}), **((everywhere or {}).get(start) or {})}
        extras = {**of_all, **(outcome.measured if isinstance(outcome, Rated) else {})}
        return CandidateScore(
            start=start,
            diversity=None if diversity is None else diversity[start],
            score=outcome.score if isinstance(outcome, Rated) else None,
            note=outcome.reason if isinstance(outcome, Rejected) else None,
            extras=extras or None,
        )

    return Selection(
        segment=Segment.whole(start=winner, num_frames=candidates.num_frames),
        method=method,
        scores=tuple(
            scored(start, voiced) for start, voiced in zip(candidates.starts, voiced_ratios(candidates), strict=True)
        ),
        definition=definition,
        timeline=timeline,
        panels=panels,
    )
