"""Landmark distance and mouth opening: how near the lips are, and whether they move with the speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import MOUTH, eye_distance, mouth_opening
from tfg.metrics.base import Chunk, MetricFacts, Outcome, PerFrame, ScoredVideo, left_out, mean, pearson, too_few_faces
from tfg.types import FaceTrack, Floats

MAX_LAG = 10  # frames each way
_FEWEST_PAIRS = 10
_STILL = 1e-6  # pixels of standard deviation


def landmark_distance(prediction: Floats, truth: Floats) -> PerFrame:
    """LMD: (n, 68, 2) twice -> (n,) mean distance in pixels of the 20 mouth points, each set centred on its own mean.

    As the evaluation scripts of TalkingGaussian and InsTaG, which use a FAN detector.
    """
    lips = [points[:, MOUTH] - points[:, MOUTH].mean(axis=1, keepdims=True) for points in (prediction, truth)]
    return np.linalg.norm(lips[0] - lips[1], axis=-1).mean(axis=-1).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Pearson correlation of two signals at lag 0, and the lag of the highest correlation (positive: prediction is late)."""

    correlation: float
    lag: int


def agreement(prediction: PerFrame, truth: PerFrame, max_lag: int = MAX_LAG) -> Agreement | None:
    """(n,) twice; frames that are NaN in either are left out. None where `no_agreement` has a reason."""
    if no_agreement(prediction, truth, max_lag) is not None:
        return None
    correlations = {lag: pearson(*_pairs(prediction, truth, lag)) for lag in range(-max_lag, max_lag + 1)}
    best = max(correlations, key=lambda lag: (correlations[lag], -abs(lag)))
    return Agreement(correlation=correlations[0], lag=best)


def no_agreement(prediction: PerFrame, truth: PerFrame, max_lag: int = MAX_LAG) -> str | None:
    """Why two openings of a mouth (n,) have no correlation or no lag; None where they have both."""
    if len(truth) <= (fewest := 2 * max_lag + 2):
        return f"{len(truth)} frames are too short a run, lags of +-{max_lag} frames need more than {fewest}"
    for lag in sorted(range(-max_lag, max_lag + 1), key=abs):
        made, true = _pairs(prediction, truth, lag)
        at_lag = f" at lag {lag:+d}" if lag else ""
        if len(made) < _FEWEST_PAIRS:
            return f"only {len(made)} frames have a face in both videos{at_lag}, {_FEWEST_PAIRS} are needed"
        still = [name for name, values in (("prediction", made), ("truth", true)) if values.std() < _STILL]
        if still:
            stretch = f" in the {len(made)} frames compared{at_lag}" if lag else ""
            return f"the mouth does not move in the {' nor in the '.join(still)}{stretch}"
    return None


def _pairs(prediction: PerFrame, truth: PerFrame, lag: int) -> tuple[PerFrame, PerFrame]:
    """Frames of the prediction beside those of the truth `lag` frames earlier, where both have a number."""
    late = prediction[max(lag, 0) : len(prediction) + min(lag, 0)]
    early = truth[max(-lag, 0) : len(truth) - max(lag, 0)]
    kept = np.isfinite(late) & np.isfinite(early)
    return late[kept], early[kept]


@dataclass(frozen=True, kw_only=True)
class LandmarkDistance:
    """Metric: lmd in pixels of the scored size, and lmd_normalised, which does not depend on the size."""

    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "lmd": MetricFacts(title="LMD", unit="px", better="down", digits=2),
        "lmd_normalised": MetricFacts(title="LMD normalised", unit="eye distances", better="down", digits=4),
    }
    names: tuple[str, ...] = ("lmd", "lmd_normalised")
    needs: tuple[str, ...] = ("truth", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        distance = "mean over frames of the mean distance of 20 mouth points (48-67), each set centred on its own mean"
        source = _source(video)
        return {
            "lmd": f"{distance}, in pixels of the scored size; {source}",
            "lmd_normalised": f"{distance}, divided by the frame's distance between the truth's outer eye corners "
            f"(points 36 and 45); {source}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if reason := too_few_faces(video.has_face):
            return {name: Outcome(missing=reason) for name in self.names}
        made, true = _both(video)
        distance = np.where(video.has_face, landmark_distance(made.landmarks, true.landmarks), np.nan)
        return {"lmd": mean(distance), "lmd_normalised": mean(distance / eye_distance(true.landmarks))}


@dataclass(frozen=True, kw_only=True)
class MouthCorrelation:
    """Metric: whether the mouth opens when the true one does, and by how many frames it is late."""

    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "mouth_correlation": MetricFacts(title="Mouth r", better="up", digits=3, curve="Mouth opening, px"),
        "mouth_lag": MetricFacts(title="Mouth lag", unit="frames", better="none", digits=0),
    }
    names: tuple[str, ...] = ("mouth_correlation", "mouth_lag")
    needs: tuple[str, ...] = ("truth", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        opening = "inner-lip opening (mean distance of the point pairs 61-67, 62-66, 63-65), prediction against truth"
        source = _source(video)
        return {
            "mouth_correlation": f"Pearson correlation at lag 0 of the {opening}; {source}",
            "mouth_lag": f"lag in frames within +-{MAX_LAG} of the highest Pearson correlation of the {opening}, positive "
            f"when the prediction is late; {source}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        made, true = (
            np.where(video.has_face, mouth_opening(track.landmarks).astype(np.float64), np.nan)
            for track in _both(video)
        )
        found = agreement(made, true)
        reason = too_few_faces(video.has_face) or no_agreement(made, true)
        if reason or found is None:
            return {name: Outcome(missing=reason) for name in self.names}
        opening = Outcome(value=found.correlation, per_frame=made)  # per frame: what is correlated, in pixels
        return {"mouth_correlation": opening, "mouth_lag": Outcome(value=float(found.lag))}


def _both(video: ScoredVideo) -> tuple[FaceTrack, FaceTrack]:
    assert video.true is not None, "needs the truth"
    return video.made, video.true


def _source(video: ScoredVideo) -> str:
    return f"landmarks of both by {video.reader}; {left_out(video)}"
