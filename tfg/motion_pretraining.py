"""Motion fields learned from videos of several people: their portraits, and the training with its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from omegaconf import DictConfig

from tfg import data, overrides, parts, priors, training
from tfg.features.face.crop import read_crop
from tfg.features.portrait import frame_face, observe, portrait_alone
from tfg.progress import say
from tfg.record import identity
from tfg.selection import features_of
from tfg.sync import in_time
from tfg.threads import threads
from tfg.types import FPS, Clip, Floats, InputError, Portrait, Segment, UniversalMotion

BLOCKS = ("+backbone/blocks@pretraining=pretraining",)  # beside a run's configuration


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """One person: the video that is learned from, and where its faces are from (conf/face)."""

    clip: Clip
    face: str


def settings(audio: str, given: Sequence[str], face: str = "mediapipe") -> DictConfig:
    """The configuration of a pre-training on these audio features; InputError names a wrong key or value of `given`."""
    for text in given:
        key = text.split("=")[0]
        if key.split(".")[0] not in ("pretraining", "backbone", "trainer") or key in ("pretraining", "backbone"):
            raise InputError(f"--set {text}: is not set here; allowed are keys of pretraining, backbone and trainer")
    cell = ["backbone=instag", f"audio={audio}", f"face={face}", f"masks={face}", "clip.sound_offset=auto"]
    driven = ["conditioning=audio", "prior=none"]
    return overrides.composed(overrides.complete([*cell, *driven, *given]), BLOCKS)


def check(audio: str, given: Sequence[str]) -> None:
    """InputError for settings that a pre-training cannot use, before anything is read."""
    config = settings(audio, given)
    parts.construct(config.pretraining, "backbone.blocks.pretraining")
    parts.check(config)


def learn_motion(people: Sequence[Spoken], audio: str, given: Sequence[str], folder: Path) -> UniversalMotion:
    """The motion fields of these people; checkpoints lie in a folder of `folder` that is named by all that they depend on.

    Sound is normalised by each person's own statistics, as a head normalises that of its segment.
    """
    config = settings(audio, given)
    rules = parts.construct(config.pretraining, "backbone.blocks.pretraining")
    with threads(config.trainer.threads):
        shown = [_shown(person, settings(audio, given, person.face), rules.seconds) for person in people]
        portraits, windows = [portrait for portrait, _ in shown], [each for _, each in shown]
        plain = parts.plain(config)
        described = {key: plain[key] for key in ("audio", "backbone", "pretraining")} | {
            "size": config.clip.size,
            "people": [
                [person.clip.identity, len(portrait.frames)] for person, portrait in zip(people, portraits, strict=True)
            ],
        }
        name = f"{priors.audio_setting(config)}-{identity.digest_of(described)}"
        (folder / name).mkdir(parents=True, exist_ok=True)
        return _train(config, portraits, windows, folder / name)


def _train(config: DictConfig, portraits: list[Portrait], windows: list[Floats], folder: Path) -> UniversalMotion:
    from tfg.backbones.gaussian.instag import Instag
    from tfg.backbones.gaussian.pretrain import UniversalTraining

    features = priors.audio_setting(config)
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


def _shown(person: Spoken, config: DictConfig, seconds: float) -> tuple[Portrait, Floats]:
    """The portrait of a video's first seconds, and the windows of its sound, in time with the pictures."""
    audio, face, masks = parts.extractors(config)
    clip, found = in_time(config, replace(person.clip, size=config.clip.size), face)
    features = frame_face(features_of(audio, face, masks, clip), read_crop("auto", clip))
    stop = min(clip.num_reference_frames, round(seconds * FPS))
    portrait = portrait_alone(observe(features, Segment(start=0, num_frames=stop)), features.clip.size)
    mean, std = data.audio_statistics(portrait.audio)
    say(f"{clip.name}: {stop} frames to learn motion from, {found.text()}")
    return portrait, data.audio_windows(features.sound()[:stop], mean, std, portrait.frames)
