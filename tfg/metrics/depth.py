"""How far a head's surface lies from the true one; of views of which a truth is drawn, for no picture shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo
from tfg.types import Bools, Floats

FEWEST_PIXELS = 50  # of a frame that must have both depths


@dataclass(frozen=True, kw_only=True)
class DepthError:
    """Metric: distance of a head's surface from the true one, along the camera's axis. It holds both depths: no picture shows them."""

    made: Floats  # (n, height, width) head units; NaN where the head is not
    true: Floats  # the same of the truth
    shown: Bools  # (n,) frames whose depth was made
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "depth_error": MetricFacts(title="Depth error", unit="eye distances", better="down", digits=4),
    }
    names: tuple[str, ...] = ("depth_error",)
    needs: tuple[str, ...] = ()

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        return {
            "depth_error": "mean over frames and pixels of the absolute difference of depths along the camera's axis, in distances "
            "between the outer eye corners; pixels of which both prediction and truth are at least half head, without eyes and the "
            f"inside of the mouth; {int(self.shown.sum())} frames; true cameras, so that no shift or scale is fitted"
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        error = np.abs(self.made.astype(np.float64) - self.true)
        known = ~np.isnan(error) & self.shown[:, None, None]
        count = known.sum(axis=(1, 2))
        total = np.where(known, error, 0).sum(axis=(1, 2))
        per_frame = np.where(count >= FEWEST_PIXELS, total / np.maximum(count, 1), np.nan)
        if np.isnan(per_frame).all():
            return {"depth_error": Outcome(missing=f"no frame has {FEWEST_PIXELS} pixels in which both are head")}
        return {"depth_error": Outcome(value=float(np.nanmean(per_frame)), per_frame=per_frame)}
