"""Pieces: several short pieces whose speech together is nearest to all that the person says, without those that move most.

Not of the paper, whose segment is one stretch; whatever sounds and poses follow each other in it, all five seconds have them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore, Selection
from tfg.selectors.checks import check_between, check_choice
from tfg.selectors.coverage import Coverage
from tfg.selectors.diversity import varied_vectors
from tfg.selectors.faces import Rejected, motion_score, score_motion
from tfg.selectors.motion import SIGNALS, MotionComplexity
from tfg.selectors.motion import TITLE as MOTION
from tfg.selectors.voicing import voiced_ratios
from tfg.types import FPS, InputError, Segment

DISTANCE = "audio_coverage_distance"
FEWEST = 8  # frames of a piece: no spectrum of fewer means anything
_LONGEST = 3600.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """Greedy facility location twice: which pieces have their faces read, and which of the calmer ones of these are chosen."""

    name: str
    piece_seconds: float
    stride_seconds: float  # between candidates
    spare_seconds: float  # of faces read beyond the segment's length, so that there is something to choose among
    dropped: float  # share of the pieces read, those of the largest MC, that are not chosen
    mc: str  # what MC is pooled over
    motion: MotionComplexity

    def __post_init__(self) -> None:
        check_between("piece_seconds", self.piece_seconds, FEWEST / FPS, _LONGEST, low_allowed=True)
        check_between("stride_seconds", self.stride_seconds, 1 / FPS, _LONGEST, low_allowed=True)
        check_between("spare_seconds", self.spare_seconds, 0.0, _LONGEST, low_allowed=True)
        check_between("dropped", self.dropped, 0.0, 1.0, low_allowed=True)
        check_choice("mc", self.mc, SIGNALS)

    @property
    def piece_frames(self) -> int:
        return round(self.piece_seconds * FPS)

    def check(self, num_frames: int, num_reference_frames: int, where: str) -> None:
        """InputError where a segment of `num_frames` is no whole number of pieces. Where the segment fits, so do its pieces."""
        length = self.piece_frames
        if num_frames % length:
            whole = [count for count in range(FEWEST, num_frames + 1) if num_frames % count == 0]
            near = min(whole, key=lambda count: abs(count - length), default=num_frames)
            raise InputError(
                f"selector.piece_seconds={self.piece_seconds:g}: pieces of {length} frames do not add up to "
                f"seconds={num_frames / FPS:g}, {num_frames} frames; give a length that does, as {near / FPS:g}"
            )

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Sound of the whole training part, faces of the pieces that cover it best; one without a clear face drops out."""
        self.check(candidates.num_frames, candidates.num_reference_frames, candidates.where)
        length = self.piece_frames
        count = candidates.num_frames // length
        pieces = replace(candidates, starts=self._starts(candidates.num_reference_frames), num_frames=length)
        starts = pieces.starts
        coverage = Coverage.of(varied_vectors(candidates.audio()), starts, length)
        read = count + int(self.spare_seconds * FPS) // length
        listed = [pick.row for pick in coverage.greedy(range(len(starts)), read, needed=count)]
        outcomes = score_motion(pieces, [starts[row] for row in listed], self.motion, self.mc)
        calm = self._calmest(
            {row: outcome.complexity for row in listed if not isinstance(outcome := outcomes[starts[row]], Rejected)},
            count,
        )
        if len(calm) < count:
            raise InputError(
                f"{candidates.where}: {len(calm)} of {len(listed)} pieces looked at show one clear face, {count} are needed; use "
                "a clip that shows one face throughout, or raise selector.spare_seconds or selector.motion.max_missing"
            )
        gains = {starts[pick.row]: pick.gain for pick in coverage.greedy(calm, count, needed=0)}
        scores = []
        for start, alone, voiced in zip(starts, coverage.alone(), voiced_ratios(pieces), strict=True):
            extras = {**(voiced or {}), DISTANCE: float(alone)}
            if start in outcomes:
                scores.append(motion_score(start, outcomes[start], gains.get(start), None, extras))
            else:
                scores.append(CandidateScore(start=start, extras=extras))
        return Selection(
            segment=Segment.joined(gains, length),
            method=self.name,
            scores=tuple(scores),
            definition=self._definition(count, len(calm), len(listed), len(starts)),
            timeline=(DISTANCE, "mean audio distance, low covers"),
            panels=(MOTION, ("score", "audio distance saved when chosen")),
            piece_frames=length,
        )

    def _starts(self, num_reference_frames: int) -> tuple[int, ...]:
        """Every stride, and every piece from the first frame on: those fit wherever the segment does."""
        last = num_reference_frames - self.piece_frames
        strides = np.arange(0, last + 1e-9, self.stride_seconds * FPS)  # frames, not always whole
        even = range(0, last + 1, self.piece_frames)
        return tuple(sorted({int(np.floor(start + 0.5)) for start in strides if start <= last} | set(even)))

    def _calmest(self, complexity: dict[int, float], count: int) -> list[int]:
        """Rows of the smallest MC, ascending: all but the share that is dropped, and as many as are needed at least."""
        kept = max(count, len(complexity) - int(self.dropped * len(complexity)))
        return sorted(sorted(complexity, key=lambda row: (complexity[row], row))[:kept])

    def _definition(self, count: int, calm: int, listed: int, candidates: int) -> str:
        return (
            f"{count} pieces of {self.piece_frames / FPS:g} s, each the one that most lessens the mean Euclidean distance from the "
            "audio vectors of the training part to the nearest of the pieces (greedy facility location; before the first: to their "
            f"mean), of the {calm} with the smallest MC of {listed} pieces whose faces were read, which the same rule took from "
            f"{candidates} candidates; MC = {self.motion.definition(self.mc)}"
        )
