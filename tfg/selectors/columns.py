"""The columns of an atlas (tfg/atlas/columns.py) that sound of the training part and faces of a segment are enough for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tfg.atlas.columns import (
    COMPONENTS,
    FEATURE,
    MEASURES,
    NAMED,
    PREPARED,
    READINGS,
    SOUND,
    THRESHOLDS,
    motion_name,
)
from tfg.selectors.diversity import Diversity, varied_vectors
from tfg.selectors.motion import MotionComplexity
from tfg.selectors.pairwise import window_least_distances
from tfg.types import Bools, Floats

GAP, VOICED = "audio_gap", "voiced_share"
# As conf/selector/blocks has them, whatever a run sets there: a column has one meaning.
DIVERSITY = Diversity(measure="pairs", l2norm=False, components=1, clusters=20, cluster_seed=0)
MOTION = MotionComplexity(
    coordinates="radial",
    aggregation="pooled",
    threshold=0.25,
    threshold_hz=None,
    detrend="none",
    window="none",
    max_missing=5,
)


def names_of(reads: str) -> tuple[str, ...]:
    """Of the features for which that is read: SOUND or FACES."""
    return tuple(name for name, column in NAMED.items() if column.role == FEATURE and column.reads == reads)


def of_sound(
    name: str, vectors: Floats, voiced: Bools | None, starts: Sequence[int], num_frames: int
) -> NDArray[np.float64]:
    """(len(starts),) a SOUND column of segments, from (frames, channels) features and (frames,) voiced ones of the training part."""
    assert NAMED[name].reads == SOUND
    if name == VOICED:
        assert voiced is not None
        return np.array([voiced[start : start + num_frames].mean() for start in starts])
    if name == GAP:
        return window_least_distances(varied_vectors(vectors), np.asarray(starts, np.int64), num_frames, "mean")
    measure = name.split("_", 1)[1]
    assert measure in MEASURES
    components = COMPONENTS if measure == "cumulative_variance" else DIVERSITY.components
    return replace(DIVERSITY, measure=measure, components=components).of(vectors, tuple(starts), num_frames)


def of_faces(name: str, landmarks: Floats) -> float:
    """A FACES column of a segment, from its (frames, 68, 2) complete landmarks in pixels."""
    signals, motion, field = _motions()[name]
    return float(getattr(motion.of(landmarks, signals), field))


@cache
def _motions() -> dict[str, tuple[str, MotionComplexity, str]]:
    """Column -> signals, how they are read, which number of it."""
    return {name: found for name, *found in _readings()}  # type: ignore[misc]


def _readings() -> Iterator[tuple[str, str, MotionComplexity, str]]:
    for signals, readings in READINGS.items():
        for threshold, (aggregation, coordinates) in product(THRESHOLDS, readings):
            read = replace(
                MOTION,
                threshold=float(threshold),
                aggregation=aggregation or MOTION.aggregation,
                coordinates=coordinates or MOTION.coordinates,
            )
            yield motion_name(signals, threshold, aggregation, coordinates), signals, read, "complexity"
        for prepared in PREPARED:
            name = motion_name(signals, "0.25", *readings[0], prepared)
            read = replace(
                MOTION,
                detrend="linear" if prepared == "linear" else "none",
                window="hann" if prepared == "hann" else "none",
            )
            yield name, signals, read, "complexity"
        yield f"motion_amplitude_{signals}", signals, MOTION, "amplitude"
