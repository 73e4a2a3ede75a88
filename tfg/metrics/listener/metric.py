"""Sync-C, Sync-D and the offset by the fitted listener, read off the same curve as SyncNet's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import NO_AUDIO, Chunk, MetricFacts, Outcome, ScoredVideo
from tfg.metrics.curve import MAX_OFFSET
from tfg.metrics.listener.features import log_mel, usable
from tfg.metrics.listener.fit import EDGE, num_windows
from tfg.metrics.listener.fitted import FittedListener, ListenerUnavailable, NoListener, mean_curve
from tfg.types import Floats

_NUMBERS = (
    "median minus minimum of the offset curve, higher is better, near 0 when lips and sound do not belong together",
    "minimum of the offset curve in [0, 2], lower is better",
    "offset in frames of that minimum, negative when the sound comes late, means nothing when sync_c_listener is near 0",
)


@dataclass(frozen=True, kw_only=True)
class ListenerSync:
    """Metric: confidence, distance and offset by the embedded listener."""

    listener: FittedListener | NoListener
    # (n * 640,) samples -> (n, c), as the listener was fitted with
    sound_features: Callable[[Floats], Floats] = log_mel
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "sync_c_listener": MetricFacts(
            title="Sync-C own listener", better="up", digits=3, curve="Sync-C of single windows, own listener"
        ),
        "sync_d_listener": MetricFacts(
            title="Sync-D own listener", better="down", digits=3, curve="Distance at the video's offset, own listener"
        ),
        "sync_offset_listener": MetricFacts(title="Sync offset own listener", unit="frames", better="none", digits=0),
    }
    names: tuple[str, ...] = ("sync_c_listener", "sync_d_listener", "sync_offset_listener")
    needs: tuple[str, ...] = ("audio", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        """Nothing: it is computed from landmarks, not from pictures."""
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        shared = self.listener.definition if isinstance(self.listener, FittedListener) else "embedded listener"
        known = usable(video.made.landmarks)
        scored = (
            f"scored: lips of the prediction by {video.reader}, {num_windows(known[MAX_OFFSET:-MAX_OFFSET])} windows; "
            f"{EDGE} frames at either end and windows that hold one of {int((~known).sum())} frames without a face left out; "
            f"{video.where}"
        )
        return {name: f"{number}; {shared}; {scored}" for name, number in zip(self.names, _NUMBERS, strict=True)}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if isinstance(self.listener, NoListener):
            return self._missing(self.listener.reason)
        if video.audio is None:
            return self._missing(NO_AUDIO)
        sound = self.sound_features(video.audio)
        if len(sound) < video.num_frames:
            return self._missing(f"{len(sound)} frames of sound are fewer than {video.num_frames} of video")
        distances = self.listener.distances(sound[: video.num_frames], video.made.landmarks)
        try:
            found = mean_curve(distances)
        except ListenerUnavailable as error:
            return self._missing(str(error))
        closest = distances[:, MAX_OFFSET - found.offset]
        values = (
            Outcome(value=found.confidence, per_frame=float(np.median(found.distances)) - closest),
            Outcome(value=found.distance, per_frame=closest),
            Outcome(value=float(found.offset)),
        )
        return dict(zip(self.names, values, strict=True))

    def _missing(self, reason: str) -> dict[str, Outcome]:
        return {name: Outcome(missing=reason) for name in self.names}
