"""Motion fields learned from videos of several people: their portraits, and the training with its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from tfg import data, overrides, parts, picture_size, priors, training
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import read_crop
from tfg.features.portrait import frame_face, observe, portrait_alone
from tfg.progress import say
from tfg.record import identity
from tfg.selection import features_of
from tfg.sync import in_time
from tfg.threads import count_of, threads
from tfg.types import FPS, Clip, Floats, InputError, Portrait, Segment, UniversalMotion

BLOCKS = ("+backbone/blocks@pretraining=pretraining",)  # beside a run's configuration


@dataclass(frozen=True, kw_only=True)
class PersonVideo:
    """One person: the video that is learned from, and where its faces are from (conf/face)."""

    clip: Clip
    face: str


@dataclass(frozen=True, kw_only=True)
class Posed:
    """A person's frames with their poses, which are the same for all kinds of audio features."""

    features: ClipFeatures  # of the clip cut to the face, its sound in time with its pictures
    portrait: Portrait  # of the frames from 0 on; its audio is of the first kind
    readers: dict[str, Any]  # configurations of face and masks

    @property
    def described(self) -> dict[str, Any]:
        """What the frames and their sound depend on."""
        clip = self.features.clip
        seconds = {"frames": len(self.portrait.frames), "sound_offset": clip.sound_offset}
        return {"clip": clip.identity, **seconds, **identity.kept(self.readers, parts.weights_checksum)}


def settings(audio: str, given: Sequence[str], face: str = "mediapipe") -> DictConfig:
    """The configuration of a pre-training on these audio features; InputError names a wrong key or value of `given`."""
    for text in given:
        key = text.split("=")[0]
        group = key.split(".")[0]
        if (group not in ("pretraining", "backbone", "trainer") and key != "clip.size") or key in (
            "pretraining",
            "backbone",
        ):
            raise InputError(
                f"--set {text}: is not set here; allowed are clip.size and keys of pretraining, backbone and trainer"
            )
    cell = ["backbone=instag", f"audio={audio}", f"face={face}", f"masks={face}", "clip.sound_offset=auto"]
    driven = ["conditioning=audio", "prior=none"]
    return overrides.composed(overrides.complete([*cell, *driven, *given]), BLOCKS)


def check(audio: str, given: Sequence[str]) -> None:
    """InputError for settings that a pre-training cannot use, before anything is read."""
    config = settings(audio, given)
    picture_size.check(config.clip.size)
    parts.construct(config.pretraining, "backbone.blocks.pretraining")
    parts.check(config)


def learn_motion(
    people: Sequence[PersonVideo], audios: Sequence[str], given: Sequence[str], folder: Path
) -> dict[str, UniversalMotion]:
    """The motion fields of these people, by the name that a prior's file gives each kind of audio feature.

    `given` has `clip.size` as a number. Checkpoints lie in folders of `folder` that are named by all that they depend on. Sound is
    normalised by each person's own statistics, as a head normalises that of its segment.
    """
    config = settings(audios[0], given)
    rules = parts.construct(config.pretraining, "backbone.blocks.pretraining")
    fields: dict[str, UniversalMotion] = {}
    with threads(count_of(config.trainer.threads, config.clip.size)):
        posed = [_posed(person, settings(audios[0], given, person.face), rules.seconds) for person in people]
        for audio in audios:
            config = settings(audio, given)
            made = folder / _checkpoints_of(config, posed)
            made.mkdir(parents=True, exist_ok=True)
            fields[priors.audio_setting(config)] = _train(config, posed, made)
    return fields


def _checkpoints_of(config: DictConfig, people: Sequence[Posed]) -> str:
    """Name of the folder of a training's checkpoints: weights count by checksum, as in the names of heads."""
    plain = parts.plain(config)
    groups = {key: plain[key] for key in ("audio", "backbone", "pretraining")}
    described = identity.kept(groups, parts.weights_checksum) | {
        "engine": config.backbone.engine,  # heads of two engines share a name, but the same bytes are of one
        "size": config.clip.size,
        "people": [person.described for person in people],
    }
    return f"{priors.audio_setting(config)}-{identity.digest_of(described)}"


def _train(config: DictConfig, people: Sequence[Posed], folder: Path) -> UniversalMotion:
    from tfg.backbones.gaussian.instag import Instag
    from tfg.backbones.gaussian.pretrain import UniversalTraining

    features = priors.audio_setting(config)
    driven = [_driven(person, config) for person in people]
    portraits, windows = [portrait for portrait, _ in driven], [each for _, each in driven]
    torch.manual_seed(identity.seed_for("pretraining", features))
    focals = [portrait.cameras.focal for portrait in portraits]
    head = parts.make_backbone(config, portraits[0])
    assert isinstance(head, Instag)
    learner = UniversalTraining(head, parts.construct(config.pretraining, "backbone.blocks.pretraining"), focals)
    loaded = data.PeopleData(
        portraits,
        windows,
        chunk=config.trainer.checkpoint_every,
        num_steps=learner.num_steps,
        seed=identity.seed_for("order of pretraining", features),
    )
    done = training.fit(learner, loaded, folder, device=config.trainer.device, logger=None)
    say(f"{features}: motion fields of {len(portraits)} people, {done.steps} steps in {done.spent.seconds:.0f} s")
    return learner.result


def _posed(person: PersonVideo, config: DictConfig, seconds: float) -> Posed:
    """Of a video's first seconds."""
    audio, face, masks = parts.extractors(config)
    clip, found = in_time(config, replace(person.clip, size=config.clip.size), face)
    features = frame_face(features_of(audio, face, masks, clip), read_crop("auto", clip))
    stop = min(clip.num_reference_frames, round(seconds * FPS))
    portrait = portrait_alone(observe(features, Segment.whole(start=0, num_frames=stop)), features.clip.size)
    say(f"{clip.name}: {stop} frames to learn motion from, {found.text()}")
    plain = parts.plain(config)
    return Posed(features=features, portrait=portrait, readers={axis: plain[axis] for axis in ("face", "masks")})


def _driven(person: Posed, config: DictConfig) -> tuple[Portrait, Floats]:
    """The portrait with the configuration's audio features, and the windows of its sound."""
    frames = person.portrait.frames
    sound = replace(person.features, audio=parts.construct(config.audio, "audio")).sound()[: len(frames)]
    portrait = replace(person.portrait, audio=sound)
    mean, std = data.audio_statistics(portrait.audio)
    return portrait, data.audio_windows(sound, mean, std, frames)
