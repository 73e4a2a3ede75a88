"""Flicker: how much the error changes from frame to frame. A still error is no flicker, a trembling one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics import regions
from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo, mean
from tfg.types import Bytes

_FORMULA = "mean absolute difference of consecutive residuals (prediction - truth) in grey levels of 255, from the second frame on"


@dataclass(frozen=True, kw_only=True)
class Flicker:
    """Metric: flicker of the full frame and in the mouth box of the later frame; 0 for identical videos."""

    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "flicker": MetricFacts(title="Flicker", unit="grey levels", better="down", digits=2),
        "flicker_mouth": MetricFacts(title="Flicker mouth", unit="grey levels", better="down", digits=2),
    }
    names: tuple[str, ...] = ("flicker", "flicker_mouth")
    needs: tuple[str, ...] = ("truth", "chunks")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        assert chunk.truth is not None
        before = None
        if chunk.prediction_before is not None and chunk.truth_before is not None:
            before = _residual(chunk.prediction_before, chunk.truth_before)
        rows = []
        for made, true, (left, top, right, bottom) in zip(
            chunk.prediction, chunk.truth, chunk.mouth_boxes, strict=True
        ):
            residual = _residual(made, true)
            change = None if before is None else np.abs(residual - before)
            rows.append((_level(change), _level(None if change is None else change[top:bottom, left:right])))
            before = residual
        return dict(zip(self.names, np.array(rows, np.float64).reshape(-1, 2).T, strict=True))

    def define(self, video: ScoredVideo) -> dict[str, str]:
        return {"flicker": f"{_FORMULA}; {regions.FULL_FRAME}", "flicker_mouth": f"{_FORMULA}; {regions.MOUTH_BOX}"}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if video.num_frames < 2:
            return {name: Outcome(missing="one frame cannot flicker") for name in self.names}
        return {name: mean(rows[name]) for name in self.names}


def _residual(made: Bytes, true: Bytes) -> NDArray[np.int16]:
    return made.astype(np.int16) - true


def _level(change: NDArray[np.int16] | None) -> float:
    return np.nan if change is None or not change.size else float(change.mean(dtype=np.float64))
