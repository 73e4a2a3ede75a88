"""What a selector is: from candidates and lazily read features to a segment with every score it computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfg.types import Bools, FaceTrack, Floats, Segment


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The segments that may be chosen, all inside the training part, and lazy access to their features."""

    starts: tuple[int, ...]  # first frames, ascending
    num_frames: int  # length of every candidate
    num_reference_frames: int  # frames of the training part: no feature is read beyond it
    audio: Callable[[], Floats]  # -> (num_reference_frames, channels), raw features of the whole training part
    face: Callable[[int, int], FaceTrack]  # (start, stop) -> track of frames [start, stop)
    sample: Callable[[Sequence[int]], FaceTrack] | None = None  # single frames, a row each; None: `face` reads each
    voiced: Callable[[], Bools] | None = None  # -> (num_reference_frames,); None: not known
    draw: int = 0  # which draw of a selector that draws: the run's seed
    audio_name: str | None = None  # of the features, as conf/audio has it; None: not known
    where: str = "clip"  # opens an error message: the file


SCORES = ("diversity", "motion_complexity", "score")  # fields of a CandidateScore that are numbers


@dataclass(frozen=True, kw_only=True)
class CandidateScore:
    """One candidate's scores; None where the selector did not need that stage."""

    start: int  # first frame
    diversity: float | None = None  # D, mean pairwise distance of audio features
    motion_complexity: float | None = None  # MC, high-frequency ratio of lip and pose signals, in [0, 1]
    score: float | None = None  # what was maximised
    note: str | None = None  # why a candidate was rejected, or a remark on it
    extras: dict[str, float] | None = None  # logged beside the score: voiced ratio, total motion

    def value(self, name: str) -> float | None:
        """Of a field, else of an extra."""
        return getattr(self, name) if name in SCORES else (self.extras or {}).get(name)


@dataclass(frozen=True, kw_only=True)
class Selection:
    segment: Segment
    method: str
    scores: tuple[CandidateScore, ...]  # every candidate that was scored, by start
    definition: str  # one sentence: what was maximised, over what, with which parameters
    timeline: tuple[str, str] | None = None  # field or extra that every candidate has, and its title: drawn over time
    panels: tuple[tuple[str, str], ...] = ()  # the same of those whose faces decided: drawn side by side
    piece_frames: int | None = (
        None  # length of a candidate, where the segment is made of several; None: a candidate is a segment
    )

    @property
    def candidate_frames(self) -> int:
        return self.segment.num_frames if self.piece_frames is None else self.piece_frames

    def has(self, start: int) -> bool:
        """Whether the candidate that begins there is in the segment."""
        return any(
            piece.start <= start and start + self.candidate_frames <= piece.stop for piece in self.segment.pieces
        )


class Selector(Protocol):
    name: str

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """`rng` depends on the clip alone: what differs between seeds is `candidates.draw`."""
        ...
