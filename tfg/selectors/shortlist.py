"""Which few candidates have their faces read: the most varied speech, or an even grid over the training part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.ranking import best
from tfg.selectors.base import Candidates
from tfg.selectors.checks import check_between, check_choice, check_count
from tfg.selectors.diversity import Diversity

ORDERS = ("audio", "even")


@dataclass(frozen=True, kw_only=True)
class Shortlisted:
    starts: tuple[int, ...]  # ascending
    diversity: dict[int, float] | None  # D of every candidate; None where no sound was used


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    by: str  # audio: the largest D; even: as far apart as they go, no sound is used
    top: int
    max_overlap: float | None  # of `by=audio`: fraction that two of them may share; None: any
    diversity: Diversity

    def __post_init__(self) -> None:
        check_choice("shortlist.by", self.by, ORDERS)
        check_count("shortlist.top", self.top, 1)
        if self.max_overlap is not None:
            check_between("shortlist.max_overlap", self.max_overlap, 0.0, 1.0, low_allowed=True)

    def of(self, candidates: Candidates) -> Shortlisted:
        """At most `top` candidates; fewer where there are fewer, or where no more keep apart."""
        starts, num_frames = candidates.starts, candidates.num_frames
        if self.by == "even":
            rows = np.unique(np.linspace(0, len(starts) - 1, self.top).round().astype(int))
            return Shortlisted(starts=tuple(starts[row] for row in rows), diversity=None)
        scores = self.diversity.of(candidates.audio(), starts, num_frames)
        chosen = best(scores, starts, self.top, num_frames=num_frames, max_overlap=self.max_overlap)
        return Shortlisted(
            starts=tuple(sorted(starts[row] for row in chosen)),
            diversity={start: float(score) for start, score in zip(starts, scores, strict=True)},
        )

    def definition(self, num_candidates: int) -> str:
        """Which candidates, to be read after `of`."""
        if self.by == "even":
            return f"{self.top} candidates evenly spread over all {num_candidates}"
        most = "" if self.max_overlap is None else "at most "
        apart = "" if self.max_overlap is None else f" that share at most {self.max_overlap:g} of their length"
        return (
            f"{most}the {self.top} candidates with the largest D{apart}, out of {num_candidates}; "
            f"D = {self.diversity.definition()}"
        )
