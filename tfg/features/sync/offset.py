"""The shift of the sound at which it agrees with the jaw, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfg.features.sync.jaw import Doubles, changes, jaw_drop
from tfg.features.sync.prior import Prior
from tfg.types import FPS, Floats

VERSION = 1  # of the numbers it gives
MAX_OFFSET = 15  # frames each way that are looked at
FEWEST = 8 * FPS  # frames with a face below which nothing is sure
SURE = 3.8  # confidence from which an offset is sure, fixed on the tuning clips of benchmarks/sync.py
_APART = 10  # frames beyond MAX_OFFSET from which agreement counts as chance
LEAST = (
    2 * (MAX_OFFSET + _APART) + FPS
)  # frames with a face from which there is an answer: chance is then told from 1 s of shifts
NO_FACE = "no face in any frame"
NO_SPEECH = "no speech in its sound"
_OUTLIER = 3.7  # median sizes, 2.5 standard deviations of normal values, to which a cut's jump is held
_TINY = 1e-12


@dataclass(frozen=True, kw_only=True)
class SyncOffset:
    """By how much the sound comes too late; where `reason` says why it was not measured, an offset of 0 means nothing."""

    offset_frames: int  # positive: the sound is late
    sure: bool
    confidence: float  # height of the best offset's correlation above those far from it, in their standard deviations
    frames: int  # with a face
    features: str  # audio features that it was measured with
    reason: str | None = None  # why nothing was measured

    @classmethod
    def not_measured(cls, reason: str, frames: int, features: str) -> SyncOffset:
        return cls(offset_frames=0, sure=False, confidence=0.0, frames=frames, features=features, reason=reason)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "confidence": round(self.confidence, 2)}

    def text(self) -> str:
        """What was found, in one line."""
        if self.reason is not None:
            return f"not measured: {self.reason}"
        frames = abs(self.offset_frames)
        unit = "frame" if frames == 1 else "frames"
        way = "late" if self.offset_frames > 0 else "early"
        shift = f"{frames} {unit} ({1000 * frames // FPS} ms) {way}" if frames else "in sync"
        verdict = "sure" if self.sure else "not sure"
        return (
            f"sound {shift}: {verdict} (confidence {self.confidence:.1f}, sure from {SURE:g}; {self.frames} frames with a "
            f"face, {self.features})"
        )


def measure_offset(sound: Floats, landmarks: Floats, prior: Prior) -> SyncOffset:
    """From the same n frames of audio features (n, c) and landmarks (n, 68, 2); NaN rows show no face.

    The jaw that the prior predicts from the sound is correlated with the one that is seen, at every shift. Sure is an offset with a
    confidence from SURE on, of at least FEWEST frames, that is not the last one looked at. Nothing is measured of fewer than LEAST
    frames with a face, of a jaw that does not move and of a sound that does not change.
    """
    jaw, known = jaw_drop(landmarks)
    frames = int(known.sum())
    if frames < LEAST:
        few = f"{frames} frame{'' if frames == 1 else 's'} with a face, at least {LEAST} are needed"
        return SyncOffset.not_measured(few if frames else NO_FACE, frames, prior.features)
    seen = _bounded(changes(jaw[:, None])[:, 0] * known)
    if seen.std() < _TINY:
        return SyncOffset.not_measured("the jaw does not move", frames, prior.features)
    predicted = _bounded(prior.predict(sound))
    if predicted.std() < _TINY:
        return SyncOffset.not_measured("the sound does not change", frames, prior.features)
    curve = correlations(predicted, seen)
    chance = _far(predicted, seen)
    best = int(curve.argmax())
    confidence = float((curve[best] - chance.mean()) / max(chance.std(), _TINY))
    inside = 0 < best < len(curve) - 1
    return SyncOffset(
        offset_frames=best - MAX_OFFSET,
        sure=inside and frames >= FEWEST and confidence >= SURE,
        confidence=confidence,
        frames=frames,
        features=prior.features,
    )


def correlations(predicted: Doubles, seen: Doubles) -> Doubles:
    """(n,), (n,) -> (2 MAX_OFFSET + 1,) Pearson's r of what both cover, for sound early by MAX_OFFSET to late by as much."""
    count = len(seen)
    shifts = range(-MAX_OFFSET, MAX_OFFSET + 1)
    pairs = ((predicted[max(s, 0) : count + min(s, 0)], seen[max(-s, 0) : count - max(s, 0)]) for s in shifts)
    return np.array([_standard(sound) @ _standard(jaw) / len(jaw) for sound, jaw in pairs])


def _far(predicted: Doubles, seen: Doubles) -> Doubles:
    """r at all shifts of the sound, wrapped round, that lie beyond what an offset explains."""
    spectrum = np.fft.rfft(_standard(predicted)) * np.conj(np.fft.rfft(_standard(seen)))
    wrapped = np.fft.irfft(spectrum, len(seen)) / len(seen)
    apart = MAX_OFFSET + _APART
    return np.asarray(wrapped[apart : len(seen) - apart])


def _standard(values: Doubles) -> Doubles:
    apart = values - values.mean()
    return np.asarray(apart / max(float(apart.std()), _TINY))


def _bounded(values: Doubles) -> Doubles:
    """Held to a size that a cut cannot change; zeros, of frames without a face or a sound, do not count for it."""
    sizes = np.abs(values[values != 0])
    limit = _OUTLIER * float(np.median(sizes)) if len(sizes) else 0.0
    return np.clip(values, -limit, limit)
