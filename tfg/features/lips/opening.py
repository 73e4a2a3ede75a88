"""How far a predicted mouth opens, in the range of the person: openings are given the distribution that the person's own have.

Least squares draws every prediction towards the mean: a mouth that never closes and never opens wide. A monotone map keeps which
frames are more open than others and mends how far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.types import Floats

QUANTILES = np.linspace(0.0, 1.0, 11)  # knots of the map


@dataclass(frozen=True, kw_only=True)
class OpeningRange:
    """k numbers of lip motion a frame; openings in head units, against the mouth at rest, negative where lips are pressed together."""

    opening: Floats  # (k,): motion @ opening is the mouth's opening
    along: Floats  # (k,) motion that a unit of opening goes with in this person; opening @ along = 1
    predicted: Floats  # (11,) quantiles of the openings that are predicted for unseen frames, rising
    seen: Floats  # (11,) quantiles of the person's own

    def mend(self, motion: Floats) -> Floats:
        """(n, k) predicted motion -> (n, k), moved along the opening until that lies where the person's own would.

        Above all that was seen openings keep their differences; below, the mouth is as closed as it was ever seen.
        """
        found = motion @ self.opening
        wanted = np.interp(found, self.predicted, self.seen) + np.maximum(found - self.predicted[-1], 0.0)
        return (motion + np.outer(wanted - found, self.along)).astype(np.float32)


def opening_range(seen: NDArray[np.float64], predicted: NDArray[np.float64], opening: Floats) -> OpeningRange:
    """From motion seen (n, k) and motion predicted for the same frames by a map that had not seen them (n, k)."""
    openings = seen @ opening
    apart = openings - openings.mean()
    power = max(float((apart**2).sum()), 1e-12)
    along = (seen - seen.mean(axis=0)).T @ apart / power
    return OpeningRange(
        opening=opening.astype(np.float32),
        along=along.astype(np.float32),
        predicted=np.quantile(predicted @ opening, QUANTILES).astype(np.float32),
        seen=np.quantile(openings, QUANTILES).astype(np.float32),
    )
