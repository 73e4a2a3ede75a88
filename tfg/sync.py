"""The offset between a clip's sound and its picture, by the best audio features that are here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tfg import configuration, parts
from tfg.choices import best_audio
from tfg.features.base import FaceExtractor
from tfg.features.sync import prior
from tfg.features.sync.offset import NO_SPEECH, SyncOffset, measure_offset
from tfg.selection import features_of
from tfg.selectors.voicing import voiced_frames
from tfg.types import FPS, SAMPLES_PER_FRAME, Clip

MOST_SECONDS = 60.0  # of a clip's beginning that a run looks at: the cost of a sure answer does not grow with the clip


def clip_offset(clip: Clip, face: FaceExtractor, seconds: float = MOST_SECONDS) -> SyncOffset:
    """Of at most the first `seconds` of the training part. Faces and sound are read through the cache; no face where nobody speaks."""
    stop = min(clip.num_reference_frames, round(seconds * FPS))
    name = best_audio()
    if not voiced_frames(clip.audio()[: stop * SAMPLES_PER_FRAME]).any():
        return SyncOffset.not_measured(NO_SPEECH, 0, name)
    settings = OmegaConf.load(configuration.folder() / "audio" / f"{name}.yaml")
    audio = parts.construct(OmegaConf.merge(settings, prior.SETTINGS[name]), "audio")
    features = features_of(audio, face, None, clip)
    return measure_offset(features.sound()[:stop], features.track(0, stop).landmarks, prior.load_prior(name))


@dataclass(frozen=True, kw_only=True)
class InTime:
    """By how many frames a clip's sound was moved, and why."""

    offset: int  # frames that the file's sound is late
    why: str
    measured: SyncOffset | None = None

    @property
    def frames(self) -> int:
        """That were looked at."""
        return 0 if self.measured is None else self.measured.frames

    def notes(self) -> dict[str, Any]:
        """For the record of a run."""
        measured = None if self.measured is None else self.measured.as_json()
        return {"sound_offset": self.offset, "why": self.why, "measured": measured}

    def text(self) -> str:
        """One line."""
        unit = "frame" if abs(self.offset) == 1 else "frames"
        moved = f"the sound is moved by {-self.offset:+d} {unit}" if self.offset else "the sound is left as it is"
        return f"{moved}: {self.why}"


def in_time(config: DictConfig, clip: Clip, face: FaceExtractor) -> tuple[Clip, InTime]:
    """The clip with its sound in time with its pictures: as `clip.sound_offset` says, or (auto) by a measurement that is sure."""
    if config.clip.sound_offset != parts.AUTO:
        return clip, InTime(offset=clip.sound_offset, why="clip.sound_offset says so")
    if clip.sidecar is not None:
        return clip, InTime(offset=0, why="tfg rendered this clip in time")
    found = clip_offset(clip, face)
    if not found.sure:
        return clip, InTime(offset=0, why=f"no offset is sure ({found.text()})", measured=found)
    return replace(clip, sound_offset=found.offset_frames), InTime(
        offset=found.offset_frames, why=found.text(), measured=found
    )
