"""Blinks, from how far the eyes are open: the eye aspect ratio of Soukupova and Cech (2016) against the track's own open value.

Differs from the paper: their threshold is absolute (0.2), ours a share of the track's median, since eyes differ; and no classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import LEFT_EYE, RIGHT_EYE
from tfg.metrics.base import (
    NO_TRUTH,
    Chunk,
    MetricFacts,
    Outcome,
    PerFrame,
    ScoredVideo,
    frames_left_out,
    left_out,
    pearson,
    too_few_faces,
)
from tfg.types import FPS, FaceTrack, Floats

# Chosen on eye pictures of GRID (14 s) and German_20s, 18 blinks: open eyes, half blinks included, stay above 0.64 of the
# median and closed ones reach 0.37 or less; the shortest blinks are below CLOSED in one frame only, and between two in a row
# the eyes in pictures of 128x128 open to no more than 0.54. On GRID's 5,924 frames CLOSED 0.45 to 0.6 and RISE 0.2 to 0.35
# give 182 to 188 blinks.
CLOSED = 0.5  # of the median ratio: a blink goes below
RISE = 0.3  # of the median ratio: on both sides of its lowest frame, before the eyes close further
FEWEST_BLINKS = 1  # of the truth: lids that only follow the gaze say nothing of blinks
_STILL = 1e-6  # of the ratio's standard deviation
LONGEST = 12  # frames below CLOSED; longer is no blink but closed eyes
NO_EYES = "the face reader takes the eyes from the truth, so blinks would not show; use face=mediapipe"


def eye_aspect_ratio(landmarks: Floats) -> PerFrame:
    """(n, 68, 2) -> (n,) height over width of an eye, mean of both eyes; NaN rows stay NaN."""

    def distance(first: int, second: int) -> NDArray[np.float64]:
        return np.linalg.norm(landmarks[:, first] - landmarks[:, second], axis=-1).astype(np.float64)

    def ratio(corner: int) -> NDArray[np.float64]:
        high = distance(corner + 1, corner + 5) + distance(corner + 2, corner + 4)
        return high / (2 * distance(corner, corner + 3))

    return (ratio(LEFT_EYE.start) + ratio(RIGHT_EYE.start)) / 2


def blinks(openness: PerFrame) -> list[tuple[int, int]]:
    """Blinks as (first, stop) frames below CLOSED of the median. NaN frames cut a track.

    Only whole blinks count: not one that has begun before the track, or does not end in it.
    """
    from scipy.signal import find_peaks

    known = np.isfinite(openness)
    if not known.any():
        return []
    closed = 1 - openness / np.median(openness[known])  # of the median
    found: list[tuple[int, int]] = []
    for run in np.split(np.arange(len(closed)), np.flatnonzero(np.diff(known)) + 1):
        if not known[run[0]]:
            continue
        peaks, _ = find_peaks(closed[run], height=1 - CLOSED, prominence=RISE)
        below = np.concatenate([[False], closed[run] > 1 - CLOSED, [False]])
        edges = np.flatnonzero(np.diff(below)).reshape(-1, 2)  # first and stop of each closure, in the run
        for first, stop in edges:
            whole = first > 0 and stop < len(run)
            if whole and stop - first <= LONGEST and ((peaks >= first) & (peaks < stop)).any():
                found.append((int(run[0] + first), int(run[0] + stop)))
    return found


@dataclass(frozen=True, kw_only=True)
class BlinkRate:
    """Metric: blinks per minute of the prediction, also without a truth; and how far from the truth's, where there is one."""

    reads_eyes: bool = True  # False: the face reader takes the eyes from the truth
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "blink_rate": MetricFacts(
            title="Blinks", unit="a minute", better="none", digits=1, curve="Eye opening (aspect ratio)"
        ),
        "blink_rate_difference": MetricFacts(title="Blink rate difference", unit="a minute", better="down", digits=1),
    }
    names: tuple[str, ...] = ("blink_rate", "blink_rate_difference")
    needs: tuple[str, ...] = ("faces",)

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        rule = (
            "blinks per minute; a blink is the mean eye aspect ratio of both eyes (points 36-47, Soukupova and Cech 2016) "
            f"with a minimum below {CLOSED} of its median over the video and {RISE} of it below what surrounds it, closed for at "
            f"most {LONGEST} frames; "
            f"landmarks by {video.reader}"
        )
        made = _counted("prediction", video.made) if self.reads_eyes else ""
        true = _counted("truth", video.true) if self.reads_eyes and video.true is not None else ""
        return {
            "blink_rate": f"{rule}{made}",
            "blink_rate_difference": f"absolute difference of prediction and truth in {rule}{made}{true}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if not self.reads_eyes:
            return {name: Outcome(missing=NO_EYES) for name in self.names}
        made = _rate(video.made)
        if video.true is None:
            return {"blink_rate": made, "blink_rate_difference": Outcome(missing=NO_TRUTH)}
        true = _rate(video.true)
        if made.value is None or true.value is None:
            difference = Outcome(missing=made.missing or f"truth: {true.missing}")
        else:
            difference = Outcome(value=abs(made.value - true.value))
        return {"blink_rate": made, "blink_rate_difference": difference}


def _rate(track: FaceTrack) -> Outcome:
    """Blinks per minute in which a face was found; per frame the eye aspect ratio."""
    found = track.num_faces > 0
    if reason := too_few_faces(found):
        return Outcome(missing=reason)
    openness = eye_aspect_ratio(track.landmarks)
    minutes = int(found.sum()) / FPS / 60
    return Outcome(value=len(blinks(openness)) / minutes, per_frame=openness)


def _counted(name: str, track: FaceTrack) -> str:
    found = track.num_faces > 0
    count = len(blinks(eye_aspect_ratio(track.landmarks)))
    return f"; {name}: {count} in {int(found.sum()) / FPS:.1f} s, {frames_left_out(found)}"


@dataclass(frozen=True, kw_only=True)
class LidMotion:
    """Metric: whether the eyes close when the true ones do, and how far; a rate of blinks is 0 for one that closes half way."""

    reads_eyes: bool = True  # False: the face reader takes the eyes from the truth
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "lid_correlation": MetricFacts(title="Lid r", better="up", digits=2),
        "lid_amplitude": MetricFacts(title="Lid amplitude", unit="of truth", better="none", digits=2),
    }
    names: tuple[str, ...] = ("lid_correlation", "lid_amplitude")
    needs: tuple[str, ...] = ("truth", "faces")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        eyes = (
            f"mean eye aspect ratios of both eyes (points 36-47), prediction against truth; landmarks by {video.reader}; "
            f"{left_out(video)}"
        )
        return {
            "lid_correlation": f"Pearson correlation at lag 0 of the {eyes}",
            "lid_amplitude": f"ratio of the standard deviations over frames of the {eyes}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if not self.reads_eyes:
            return {name: Outcome(missing=NO_EYES) for name in self.names}
        if reason := too_few_faces(video.has_face):
            return {name: Outcome(missing=reason) for name in self.names}
        assert video.true is not None, "needs the truth"
        made, true = (eye_aspect_ratio(track.landmarks[video.has_face]) for track in (video.made, video.true))
        if (count := len(blinks(true))) < FEWEST_BLINKS:
            missing = Outcome(missing=f"the truth blinks {count} times in these frames, {FEWEST_BLINKS} is needed")
            return {name: missing for name in self.names}
        still = made.std() < _STILL
        r = Outcome(missing="the lids do not move in the prediction") if still else Outcome(value=pearson(made, true))
        return {"lid_correlation": r, "lid_amplitude": Outcome(value=float(made.std() / true.std()))}
