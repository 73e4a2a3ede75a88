"""From which sides a head is judged, and how far its surface lies from the true one there.

Positive yaw turns the head to the image's right, positive pitch brings the chin down, as everywhere in the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo
from tfg.rotations import turns
from tfg.types import Bools, Floats

FEWEST_PIXELS = 50  # of a frame that must have both depths


@dataclass(frozen=True, kw_only=True)
class View:
    """A pose of the head, in degrees."""

    yaw: int
    pitch: int

    @property
    def name(self) -> str:
        """Joins the names of metrics: `front`, `right30`, `left45_down20`."""
        parts = [f"right{self.yaw}" if self.yaw > 0 else f"left{-self.yaw}"] if self.yaw else []
        parts += [f"down{self.pitch}" if self.pitch > 0 else f"up{-self.pitch}"] if self.pitch else []
        return "_".join(parts) or "front"

    @property
    def title(self) -> str:
        """Joins the titles: `30 right, 20 down`."""
        parts = [f"{abs(self.yaw)} {'right' if self.yaw > 0 else 'left'}"] if self.yaw else []
        parts += [f"{abs(self.pitch)} {'down' if self.pitch > 0 else 'up'}"] if self.pitch else []
        return ", ".join(parts) or "front"

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) camera from head."""
        return np.asarray(turns(np.array([self.yaw]), np.array([self.pitch]))[0])


YAWS, PITCHES = (0, 15, 30, 45), (-20, 0, 20)
# Both signs of each yaw, and each sign with every |pitch|, at the cost of one: the sign alternates over the grid.
VIEWS = tuple(
    View(yaw=yaw if (row + column) % 2 else -yaw, pitch=pitch)
    for row, yaw in enumerate(YAWS)
    for column, pitch in enumerate(PITCHES)
)


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
