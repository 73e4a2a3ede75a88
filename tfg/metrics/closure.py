"""Whether the mouth closes where the true one does, and how far it moves: what a correlation does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import mouth_opening
from tfg.metrics.base import Chunk, MetricFacts, Outcome, PerFrame, ScoredVideo, left_out, too_few_faces
from tfg.statistics.measures import CLOSED, WIDE

FEWEST_CLOSED = 5  # frames: a share of fewer says nothing
_STILL = 1e-6  # pixels of standard deviation


def closed_below(truth: PerFrame) -> float:
    """The opening in pixels below which a mouth counts as closed, from the truth's openings (n,), NaN left out."""
    return float(CLOSED * np.nanpercentile(truth, WIDE))


def recall(made: PerFrame, true: PerFrame, threshold: float) -> NDArray[np.float64]:
    """Share of the truth's closed frames in which the prediction's mouth is closed too: (..., n) twice -> (...)."""
    both = ((made < threshold) & (true < threshold)).sum(axis=-1)
    return np.asarray(both / np.maximum((true < threshold).sum(axis=-1), 1))


def precision(made: PerFrame, true: PerFrame, threshold: float) -> NDArray[np.float64]:
    """Share of the prediction's closed frames in which the truth's mouth is closed too: (..., n) twice -> (...)."""
    return recall(true, made, threshold)


def amplitude(made: PerFrame, true: PerFrame) -> NDArray[np.float64]:
    """Standard deviation of the prediction's opening over the truth's: (..., n) twice -> (...)."""
    return np.asarray(made.std(axis=-1) / true.std(axis=-1))


@dataclass(frozen=True, kw_only=True)
class MouthClosure:
    """Metric: recall and precision of closed mouths, and the ratio of how far the openings move."""

    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "closure_recall": MetricFacts(title="Closure recall", better="up", digits=2),
        "closure_precision": MetricFacts(title="Closure precision", better="up", digits=2),
        "mouth_amplitude": MetricFacts(title="Mouth amplitude", unit="of truth", better="none", digits=2),
    }
    names: tuple[str, ...] = ("closure_recall", "closure_precision", "mouth_amplitude")
    needs: tuple[str, ...] = ("truth", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        closed = (
            f"a mouth is closed where its inner-lip opening is below {CLOSED:g} times the {WIDE}th percentile of the truth's, one "
            f"threshold in pixels for both; landmarks of both by {video.reader}; {left_out(video)}"
        )
        return {
            "closure_recall": f"share of the frames with the truth's mouth closed in which the prediction's is closed too; {closed}",
            "closure_precision": f"share of the frames with the prediction's mouth closed in which the truth's is too; {closed}",
            "mouth_amplitude": "standard deviation over frames of the prediction's inner-lip opening in pixels over the truth's; "
            f"landmarks of both by {video.reader}; {left_out(video)}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if reason := too_few_faces(video.has_face):
            return {name: Outcome(missing=reason) for name in self.names}
        assert video.true is not None, "needs the truth"
        made, true = (
            mouth_opening(track.landmarks[video.has_face]).astype(np.float64) for track in (video.made, video.true)
        )
        threshold = closed_below(true)
        return {
            "closure_recall": _share(recall(made, true, threshold), true < threshold, "truth"),
            "closure_precision": _share(precision(made, true, threshold), made < threshold, "prediction"),
            "mouth_amplitude": Outcome(value=float(amplitude(made, true)))
            if true.std() > _STILL
            else Outcome(missing="the truth's mouth does not move"),
        }


def _share(value: NDArray[np.float64], closed: NDArray[np.bool_], whose: str) -> Outcome:
    if (count := int(closed.sum())) < FEWEST_CLOSED:
        return Outcome(missing=f"the {whose}'s mouth is closed in {count} frames, {FEWEST_CLOSED} are needed")
    return Outcome(value=float(value))
