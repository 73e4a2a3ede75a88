"""How near a set of pieces comes to all that the person says, and sets of pieces that come as near as single steps lead.

Exemplar-based clustering (Krause and Golovin, "Submodular Function Maximization", 2014, section 1.1): what a set gains over one vector
that is always there is monotone and submodular, so that greedy steps reach 1 - 1/e of the largest gain of so many pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.ranking import best
from tfg.selectors.pairwise import window_nearest

MOST_VECTORS = 2048  # of a long clip's that are to be covered, evenly spread: memory is theirs times the candidates

Distances = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pick:
    row: int  # of the candidates
    gain: float  # by which the mean distance of all vectors to the nearest of the set fell


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Distances of m vectors to be covered to each of n candidates, windows of `num_frames` frames."""

    starts: tuple[int, ...]  # (n,) first frames, ascending
    num_frames: int
    nearest: Distances  # (m, n) to the nearest vector of a candidate
    unaided: Distances  # (m,) to the mean vector, which every set has

    @staticmethod
    def of(vectors: NDArray[np.float64], starts: Sequence[int], num_frames: int) -> Coverage:
        """Of a training part's audio vectors (frames, channels)."""
        every = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), MOST_VECTORS)).round().astype(int))
        targets = vectors[every]
        return Coverage(
            starts=tuple(starts),
            num_frames=num_frames,
            nearest=window_nearest(targets, vectors, np.asarray(starts, np.int64), num_frames),
            unaided=np.linalg.norm(targets - vectors.mean(axis=0), axis=1),
        )

    def alone(self) -> Distances:
        """(n,) mean distance to each candidate."""
        return np.asarray(self.nearest.mean(axis=0))

    def greedy(self, rows: Sequence[int], count: int, needed: int) -> list[Pick]:
        """At most `count` of the candidates `rows`, none over another, each the one of the largest gain after those before.

        Of the first `needed` none is taken that leaves no room for the others of these.
        """
        distance, left = self.unaided, list(rows)
        picks: list[Pick] = []
        while left and len(picks) < count:
            gains = np.maximum(distance[:, None] - self.nearest[:, left], 0.0).mean(axis=0)
            place = self._best_with_room(gains, left, needed - len(picks) - 1)
            if place is None:
                break
            picks.append(Pick(row=left[place], gain=float(gains[place])))
            distance = np.minimum(distance, self.nearest[:, left[place]])
            left = self._clear_of(left[place], left)
        return picks

    def _best_with_room(self, gains: Distances, left: Sequence[int], others: int) -> int | None:
        """Place in `left` of the largest gain after which `others` more still fit; None where there is none."""
        open_places = list(range(len(left)))
        while open_places:
            ranked = best(gains[open_places], [self.starts[left[place]] for place in open_places], 1)
            place = open_places[ranked[0]]
            if others <= 0 or self._room(self._clear_of(left[place], left)) >= others:
                return place
            open_places.remove(place)
        return None

    def _clear_of(self, row: int, rows: Sequence[int]) -> list[int]:
        """Those that share no frame with a candidate."""
        return [other for other in rows if abs(self.starts[other] - self.starts[row]) >= self.num_frames]

    def _room(self, rows: Sequence[int]) -> int:
        """How many of them fit beside each other: ever the first that begins after the one before."""
        count, free = 0, -1
        for start in sorted(self.starts[row] for row in rows):
            if start >= free:
                count, free = count + 1, start + self.num_frames
        return count
