"""The offset between a clip's sound and its picture, by the best audio features that are here."""

from __future__ import annotations

from tfg import assets, overrides, parts
from tfg.features.base import FaceExtractor
from tfg.features.sync.offset import SyncOffset, measure_offset
from tfg.features.sync.prior import load_prior
from tfg.selection import features_of
from tfg.types import FPS, Clip

MOST_SECONDS = 60.0  # of a clip's beginning that a run looks at: the cost of a sure answer does not grow with the clip


def clip_offset(clip: Clip, face: FaceExtractor, seconds: float = MOST_SECONDS) -> SyncOffset:
    """Of at most the first `seconds` of the training part. Faces and sound are read through the cache."""
    stop = min(clip.num_reference_frames, round(seconds * FPS))
    name = "whisper" if assets.usable(assets.asset("whisper_tiny_en")) else "logmel"
    audio = parts.construct(overrides.composed([f"audio={name}", "trainer=cpu"]).audio, "audio")
    features = features_of(audio, face, None, clip)
    return measure_offset(features.sound()[:stop], features.track(0, stop).landmarks, load_prior(name))
