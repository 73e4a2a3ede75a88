"""Speech coverage: the candidates nearest to everything the person says, and of these the one with the widest mouth range.

Not of the paper, whose D rewards a segment for vectors far from each other; here a segment is good when every vector of the whole
training part has a near one in it (facility location, or k-centre, with the segment's own vectors as the centres).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.landmarks import mouth_opening
from tfg.ranking import best
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.checks import check_between, check_choice, check_count
from tfg.selectors.diversity import varied_vectors
from tfg.selectors.faces import Rejected, clear_frames, score_faces, too_few_clear
from tfg.selectors.finalists import Rated, choose
from tfg.selectors.pairwise import window_least_distances
from tfg.types import FaceTrack

MEASURES = ("mean", "largest")
DISTANCE, RANGE = "audio_coverage_distance", "mouth_range"
PERCENTILES = (2, 98)


@dataclass(frozen=True, kw_only=True)
class SpeechCoverage:
    """Of the `top` candidates that cover the training part's speech best, the one whose mouth opening has the widest range."""

    name: str
    measure: (
        str  # of the distances to the nearest vector of the candidate: mean (facility location) | largest (k-centre)
    )
    top: int
    max_overlap: float | None
    max_missing: int

    def __post_init__(self) -> None:
        check_choice("measure", self.measure, MEASURES)
        check_count("top", self.top, 1)
        check_count("max_missing", self.max_missing, 0)
        if self.max_overlap is not None:
            check_between("max_overlap", self.max_overlap, 0.0, 1.0, low_allowed=True)

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Selection:
        """Distances of all pairs of audio vectors, T^2 of them; then the faces of the top few."""
        starts, num_frames = candidates.starts, candidates.num_frames
        vectors = varied_vectors(candidates.audio())
        distance = window_least_distances(vectors, np.asarray(starts, np.int64), num_frames, self.measure)
        rows = best(-distance, starts, self.top, num_frames=num_frames, max_overlap=self.max_overlap)

        def measure(track: FaceTrack) -> Rated | Rejected:
            if (unclear := too_few_clear(track, self.max_missing)) is not None:
                return unclear
            opening = mouth_opening(track.landmarks[clear_frames(track)], "run")
            low, high = np.percentile(opening, PERCENTILES)
            return Rated(score=float(high - low), measured={RANGE: float(high - low)})

        return choose(
            candidates,
            score_faces(candidates, [starts[row] for row in rows], measure, "selector.max_missing"),
            method=self.name,
            definition=self._definition(len(starts)),
            diversity=None,
            everywhere={start: {DISTANCE: float(value)} for start, value in zip(starts, distance, strict=True)},
            timeline=(DISTANCE, f"{self.measure} audio distance, low covers"),
            panels=((RANGE, "range of the mouth's opening, eye distances; the largest is chosen"),),
        )

    def _definition(self, num_candidates: int) -> str:
        most = "" if self.max_overlap is None else "at most "
        apart = "" if self.max_overlap is None else f" that share at most {self.max_overlap:g} of their length"
        low, high = PERCENTILES
        return (
            f"widest range ({low}nd to {high}th percentile, in outer eye distances) of the mouth's opening, of {most}the {self.top} "
            f"candidates{apart}, out of {num_candidates}, with the smallest {self.measure} Euclidean distance from the audio vectors "
            "of the training part to the nearest one of the candidate"
        )
