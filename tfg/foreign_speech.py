"""A finished head driven by speech that is not its person's own, over its held-out poses, scored by the person's own listener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from tfg import data, heads, parts, trained
from tfg.backbones.base import Backbone
from tfg.features.base import AudioExtractor, FaceReader
from tfg.features.clip_features import ClipFeatures
from tfg.features.portrait import face_reader
from tfg.heads import Head
from tfg.material import Material
from tfg.metrics.listener.metric import ListenerSync
from tfg.record.results import Metrics
from tfg.scoring import gains, suite
from tfg.scoring.run import as_json
from tfg.scoring.score import Held, Subject, read_faces, score
from tfg.scoring.setting import Switches
from tfg.selection import features_of
from tfg.types import SAMPLES_PER_FRAME, Bytes, FaceTrack, Floats, InputError, Portrait

OWN = "own"  # the person's held-out speech, which the others stand beside
_LISTENER_ALONE = Switches(lpips=False, listener=True, syncnet=False, identity=False, fid=False)


@dataclass(frozen=True, kw_only=True)
class Video:
    """Whose speech: the last seconds of a video."""

    path: str
    held_out: float  # seconds


def speak(folder: Path, people: Mapping[str, Video], voices: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """A row for the own speech, for that of other people and for voices (n,) at 16 kHz, all cut to the shortest.

    `folder`: the head's. A sound goes the way of `tfg render`: its features are extracted from it alone. In a row, beside number,
    offset and share of the truth's sync (`gains.SHARE`, whose mute control and truth are those of the own speech): `wrong_*`, the
    same lips scored with a sound that did not drive them (the own speech; for the own, the first foreign one); `mute_sync`, the mute
    head with the row's sound; `their_*`, the true lips of who speaks, with it: what this person's listener finds of that voice at all.
    """
    if not {**people, **voices} or OWN in {**people, **voices}:
        raise InputError(f"{folder.name}: give at least one sound, none of them called '{OWN}'")
    head = heads.opened(folder)
    audio, face, masks = parts.extractors(head.config)
    features = features_of(audio, face, masks, head.clip)
    material, backbone = trained.reopened(head, features)
    theirs = {name: _recorded(head, features, video) for name, video in people.items()}
    own = trained.held_out_sound(head.clip, material.test)
    sounds = cut({OWN: own, **{name: sound for name, (sound, _) in theirs.items()}, **voices})
    count = len(sounds[OWN]) // SAMPLES_PER_FRAME
    driven = _Driven(
        head=head, audio=audio, material=material, backbone=backbone, test=material.test.take(slice(0, count))
    )
    listener = OwnListener(
        reader=face_reader(material.features),
        metric=ListenerSync(listener=suite.fit_listener(material.features, _LISTENER_ALONE, count)),
        guide=driven.test.landmarks,
    )
    lips = {name: listener.read(driven.images(sound)) for name, sound in sounds.items()}
    true = {
        OWN: listener.read(driven.test.images),
        **{name: track.rows(0, count) for name, (_, track) in theirs.items()},
    }
    return rows(listener, sounds, lips, mute=listener.read(driven.images(None)), true=true)


def _recorded(head: Head, features: ClipFeatures, video: Video) -> tuple[Floats, FaceTrack]:
    """The last sound of another person's video, and their lips as the head's face extractor reads them."""
    changed = {"clip": {"path": video.path, "name": None}, "split": {"held_out": video.held_out}}
    config = OmegaConf.merge(head.config, changed)
    assert isinstance(config, DictConfig)
    clip = parts.open_clip(config)
    part = data.held_out(clip)
    sound = clip.audio()[part.start * SAMPLES_PER_FRAME : part.stop * SAMPLES_PER_FRAME]
    return sound, replace(features, clip=clip).track(part.start, part.stop)


def cut(sounds: Mapping[str, Floats]) -> dict[str, Floats]:
    """All as long as the shortest, in whole frames."""
    count = min(len(sound) for sound in sounds.values()) // SAMPLES_PER_FRAME
    return {name: sound[: count * SAMPLES_PER_FRAME] for name, sound in sounds.items()}


@dataclass(frozen=True, kw_only=True)
class _Driven:
    """A head and what it is rendered with."""

    head: Head
    audio: AudioExtractor
    material: Material
    backbone: Backbone
    test: Portrait  # n frames: poses, backgrounds and truth

    def images(self, sound: Floats | None) -> Bytes:
        """(n, size, size, 3) the head speaking (n * 640,) samples; None: without its speech, the mute control."""
        material, count = self.material, len(self.test.frames)
        if sound is None:
            windows = np.zeros_like(material.test_windows[:count])
        else:
            features = self.audio.extract(sound)
            moved = features if material.lips is None else material.lips.predict(features)
            windows = data.audio_windows(moved[:count], material.mean, material.std)
        return trained.render_head(self.head, self.backbone, self.test, windows)


@dataclass(frozen=True, kw_only=True)
class OwnListener:
    """The listener of one person, and the reader of the lips that it is given."""

    reader: FaceReader
    metric: ListenerSync
    guide: Floats  # (n, 68, 2) where the head is

    def read(self, images: Bytes) -> FaceTrack:
        """The lips of n pictures."""
        return read_faces(self.reader, Held(images=images), self.guide)

    def score(self, lips: FaceTrack, sound: Floats) -> Metrics:
        """The listener's numbers of lips in n frames with (n * 640,) samples."""
        count, size = len(self.guide), 1  # it looks at no picture
        pictures = Held(images=np.zeros((count, size, size, 3), np.uint8))
        where = f"the first {count} held-out frames at 25 fps"
        subject = Subject(prediction=pictures, truth=None, where=where, made=lips, true=None, audio=sound)
        return as_json(score(subject, (self.metric,), self.reader.definition))


def rows(
    listener: OwnListener,
    sounds: Mapping[str, Floats],
    lips: Mapping[str, FaceTrack],
    *,
    mute: FaceTrack,
    true: Mapping[str, FaceTrack],
) -> list[dict[str, Any]]:
    """One for each sound; `lips` are those that it drove, `true` those of who speaks it, where they are known.

    Plain JSON; what is None says why in `unavailable`.
    """
    floor, ceiling = listener.score(mute, sounds[OWN]), listener.score(true[OWN], sounds[OWN])
    found = []
    for name, sound in sounds.items():
        other = OWN if name != OWN else next(one for one in sounds if one != OWN)
        made, wrong = listener.score(lips[name], sound), listener.score(lips[name], sounds[other])
        theirs = listener.score(true[name], sound) if name in true else None
        share, chance = (_share(numbers, floor, ceiling) for numbers in (made, wrong))
        found.append(
            {
                "sound": name,
                "frames": len(sound) // SAMPLES_PER_FRAME,
                "sync": made[gains.LISTENER]["value"],
                "offset": made["sync_offset_listener"]["value"],
                "share": share.value,
                "share_low": share.low,
                "share_high": share.high,
                "unavailable": share.unavailable,
                "wrong_sound": other,
                "wrong_sync": wrong[gains.LISTENER]["value"],
                "wrong_share": chance.value,
                "their_sync": None if theirs is None else theirs[gains.LISTENER]["value"],
                "their_share": None if theirs is None else _share(theirs, floor, ceiling).value,
                "mute_sync": listener.score(mute, sound)[gains.LISTENER]["value"],
                "mute_own_sync": floor[gains.LISTENER]["value"],
                "truth_sync": ceiling[gains.LISTENER]["value"],
            }
        )
    return found


def _share(numbers: Metrics, floor: Metrics, ceiling: Metrics) -> gains.Gain:
    return gains.gains(numbers, floor, ceiling)[gains.SHARE]
