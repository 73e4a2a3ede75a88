"""A prior learned from videos of many people: their clips, their lip motion, a map of each kind of audio feature, motion fields."""

from __future__ import annotations

import functools
import operator
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from tfg import assets, motion_pretraining, overrides, parts, picture_size, priors
from tfg.clip.read import read_clip
from tfg.features.cameras import fit_cameras
from tfg.features.clip_features import ClipFeatures
from tfg.features.context import windows
from tfg.features.face.gaps import fill_gaps
from tfg.features.lips.motion import lip_motion
from tfg.features.lips.regression import Moments, standardised
from tfg.features.portrait import frame_face
from tfg.metrics.mobilefacenet import NUMBERS
from tfg.prior_file import save_prior
from tfg.progress import say
from tfg.seen import EMBEDDER, SAME, direction, face_of
from tfg.selection import features_of
from tfg.sizing import native_size
from tfg.split import split
from tfg.sync import in_time
from tfg.types import Clip, Floats, InputError, UniversalMotion

AUDIO = ("whisper", "logmel")
RIDGE = 1.0  # 0.3 is alike on the tuning people of benchmarks/sync_trials.py
SYNTHETIC, FIRST_SEED, SYNTHETIC_SECONDS = "synthetic:", 101, 60  # seeds apart from those that studies use
FIT_FRAMES = 300  # of a clip, evenly spread, that shape and focal length are fitted on
VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".m4v")


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    clips: list[Clip]
    face: str  # of conf/face
    identity_seed: int | None = None  # of a synthetic person

    @property
    def record(self) -> dict[str, Any]:
        """What a prior's file says of someone that it was learned from."""
        frames = sum(clip.num_reference_frames for clip in self.clips)
        seed = {} if self.identity_seed is None else {"identity_seed": self.identity_seed}
        return {"name": self.name, "clips": [clip.identity for clip in self.clips], "frames": frames, **seed}


def pretrain(
    data: Sequence[str],
    out: Path,
    audios: Sequence[str],
    held_out: str | None,
    licence: str,
    motions: Sequence[str],
    given: Sequence[str],
) -> None:
    """Learn a prior from `data` (see experiments/pretrain.py) and write it to `out`; InputError names what cannot be used.

    `motions`: audio features that motion fields are learned with, under the settings `given`.
    """
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: its folder does not exist")
    for audio in motions:
        motion_pretraining.check(audio, given)
    people = people_of(data, held_out, 2, "a prior is learned from two people or more")
    lips = [[lips_of(clip, person.face) for clip in person.clips] for person in people]
    maps: dict[str, Floats] = {}
    scores: dict[str, Any] = {}
    for audio in audios:
        name = features_named(audio)
        pairs = [[sound_and_motion(one, audio) for one in clips] for clips in lips]
        moments = [Moments.of(clips) for clips in pairs]
        maps[name] = functools.reduce(operator.add, moments).prior(RIDGE)
        scores[name] = left_out(pairs, moments)
        say(f"{name}: mean r of lip motion with each person left out {np.mean(scores[name]):.2f}")
    folder = out.with_name(f"{out.name}.training")
    fields: dict[str, UniversalMotion] = {}
    if motions:
        size = common_size(people, motion_pretraining.settings(motions[0], given))
        if f"clip.size={size}" not in given:
            given = [*(text for text in given if not text.startswith("clip.size=")), f"clip.size={size}"]
        longest_clips = [
            motion_pretraining.PersonVideo(clip=longest(person, size), face=person.face) for person in people
        ]
        fields = motion_pretraining.learn_motion(longest_clips, motions, given, folder)
    sources = {
        "people": [person.record for person in people],
        "licence": licence,
        "ridge": RIDGE,
        "left_out_r": {name: [round(r, 3) for r in each] for name, each in scores.items()},
    }
    if motions:
        sources |= {"motion_settings": list(given)}
    save_prior(out, maps, sources, fields, faces_of(people))
    if folder.is_dir() and motions:
        shutil.rmtree(folder)  # its checkpoints have served


def leave_one_out(data: Sequence[str], audio: str, folder: Path) -> None:
    """For each person of `data` a prior of all the others, `folder`/<name>.safetensors, written over one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    people = people_of(data, None, 2, "each is left out of a prior of the others")
    moments = [
        Moments.of([sound_and_motion(lips_of(clip, person.face), audio) for clip in person.clips]) for person in people
    ]
    everyone, faces = functools.reduce(operator.add, moments), faces_of(people)
    features = features_named(audio)
    for left, own in zip(people, moments, strict=True):
        rest = [row for row, person in enumerate(people) if person is not left]
        sources = {
            "people": [people[row].record for row in rest],
            "ridge": RIDGE,
            "licence": "unknown",
            "left_out": left.name,
        }
        weights = {features: (everyone - own).prior(RIDGE)}
        save_prior(folder / f"{left.name}.safetensors", weights, sources, {}, None if faces is None else faces[rest])
        say(f"a prior without {left.name}: {len(rest)} people")


def features_named(audio: str) -> str:
    """What a prior's file calls an option of conf/audio."""
    return priors.audio_setting(overrides.composed([f"audio={audio}", "trainer=cpu"]))


def faces_of(people: Sequence[Person]) -> Floats | None:
    """(people, numbers): a unit embedding each, NaN of synthetic people, who are alike to the network; None without its file.

    That is said, and so are two names with one face: who is left out is then not left out.
    """
    embedder = assets.asset(EMBEDDER)
    if (weights := assets.usable(embedder)) is None:
        say(f"the prior will know its clips but no faces: {assets.absence(embedder)}; {assets.remedy(embedder)}")
        return None
    faces: list[Floats | None] = []
    for person in people:
        extractor = parts.construct(overrides.composed([f"face={person.face}", "trainer=cpu"]).face, "face")
        real = [] if person.face == "sidecar" else person.clips
        each = [face_of(features_of(None, extractor, None, clip), weights) for clip in real]
        found = [face for face in each if face is not None]
        faces.append(direction(np.stack(found)) if found else None)
    rows = np.stack([np.full(NUMBERS, np.nan, np.float32) if face is None else face for face in faces])
    for one, other in np.argwhere(np.triu(np.nan_to_num(rows @ rows.T) >= SAME, 1)):
        say(
            f"{people[one].name} and {people[other].name} have one face (cosine {rows[one] @ rows[other]:.2f}): "
            "give one person's clips as NAME=PATH under one name"
        )
    return rows


def named_in(data: Sequence[str]) -> tuple[list[int], dict[str, list[Path]]]:
    """Seeds of synthetic people, and the videos of each other name; nothing is opened. InputError names what is no data."""
    seeds: list[int] = []
    videos: dict[str, list[Path]] = {}
    for given in data:
        if given.startswith(SYNTHETIC):
            count = given.removeprefix(SYNTHETIC)
            if not count.isdigit() or int(count) < 1:
                raise InputError(f"{given}: give the number of people, such as synthetic:8")
            seeds += range(FIRST_SEED, FIRST_SEED + int(count))
            continue
        name, _, path = given.rpartition("=")
        place = Path(path)
        found = sorted(file for file in place.iterdir() if file.suffix in VIDEOS) if place.is_dir() else [place]
        if not found:
            raise InputError(f"{place}: holds no video")
        for video in found:
            if not video.is_file():
                raise InputError(f"{video}: no such file; check its path")
            videos.setdefault(name or video.stem, []).append(video)
    return seeds, videos


def people_of(data: Sequence[str], held_out: str | None, least: int, why: str) -> list[Person]:
    """The people of `data`, synthetic ones rendered; InputError names what is no data, or says `why` it needs `least` people.

    Videos of one name are one person, and people are counted before anything is rendered.
    """
    seeds, videos = named_in(data)
    if (count := len(seeds) + len(videos)) < least:
        raise InputError(f"{count} {'person' if count == 1 else 'people'}: {why}; give more videos")
    real = []
    for name, paths in videos.items():
        clips = [read_clip(path) for path in paths]
        if held_out is not None:
            clips = [split(clip, held_out) for clip in clips]
        real.append(Person(name=name, clips=clips, face="mediapipe"))
    return [
        Person(name=f"synthetic {seed}", clips=[synthetic(seed)], face="sidecar", identity_seed=seed) for seed in seeds
    ] + real


def synthetic(seed: int, size: int | None = None) -> Clip:
    """One that says and does what no study's clip does; `size` pixels wide, by default those of the embedded clip."""
    seeds = [f"clip.synthetic.{part}_seed={seed}" for part in ("speech", "motion", "identity")]
    size_key = [] if size is None else [f"clip.size={size}"]
    return parts.open_clip(
        overrides.composed([*seeds, f"clip.synthetic.seconds={SYNTHETIC_SECONDS}", "trainer=cpu", *size_key])
    )


def common_size(people: Sequence[Person], config: DictConfig) -> int:
    """`clip.size` as given; auto: the largest of SIZES that every real person's crop has, of synthetic people the embedded clip's."""
    real = [person for person in people if person.identity_seed is None]
    if config.clip.size != picture_size.AUTO or not real:
        return picture_size.of(config)
    extractor = parts.construct(config.face, "face")
    sizes = [(native_size(longest(person), extractor, "auto"), person.name) for person in real]
    size, name = min(sizes, key=lambda found: found[0].pixels)
    say(f"pictures: {size.why}, the least of these people ({name})")
    return size.pixels


def longest(person: Person, size: int | None = None) -> Clip:
    """The clip that motion fields are learned from; a synthetic person's is rendered `size` pixels wide."""
    if person.identity_seed is not None:
        return synthetic(person.identity_seed, size)
    return max(person.clips, key=lambda clip: clip.num_reference_frames)


def lips_of(clip: Clip, face: str) -> tuple[ClipFeatures, Floats]:
    """The clip with its sound in time with its pictures, and lip motion (n, LIP_CHANNELS) of what may be learned from."""
    config = overrides.composed([f"face={face}", "trainer=cpu", "clip.sound_offset=auto"])
    extractor = parts.construct(config.face, "face")
    clip, found = in_time(config, clip, extractor)
    features = frame_face(features_of(None, extractor, None, clip), "auto")
    stop = clip.num_reference_frames
    track = fill_gaps(features.track(0, stop), where=str(clip.path), max_gap=stop)
    landmarks = features.clip.to_clip(track.landmarks)
    frames = np.arange(stop)
    fitted = np.isin(frames, np.linspace(0, stop - 1, FIT_FRAMES).round())
    fit = fit_cameras(landmarks, features.clip.size, fitted=fitted)
    say(f"{clip.name}: {stop} frames, {found.text()}")
    return features, lip_motion(landmarks, fit.cameras, fit.face_shape)


def sound_and_motion(lips: tuple[ClipFeatures, Floats], audio: str) -> tuple[Floats, Floats]:
    """Audio features (n, channels) beside the lip motion of a clip, (n, LIP_CHANNELS)."""
    features, motion = lips
    extractor = parts.construct(overrides.composed([f"audio={audio}", "trainer=cpu"]).audio, "audio")
    return replace(features, audio=extractor).sound()[: len(motion)], motion


def left_out(pairs: list[list[tuple[Floats, Floats]]], moments: list[Moments]) -> list[float]:
    """Of each person the r of all lip motion, predicted by a prior of the others."""
    everyone = functools.reduce(operator.add, moments)
    return [
        float(np.mean([agreement(clip, (everyone - own).prior(RIDGE)) for clip in clips]))
        for clips, own in zip(pairs, moments, strict=True)
    ]


def agreement(clip: tuple[Floats, Floats], weights: Floats) -> float:
    """r over frames and channels of lip motion, each less its mean."""
    sound, motion = clip
    predicted = windows(standardised(sound)) @ weights.reshape(-1, weights.shape[-1])
    apart, moved = predicted - predicted.mean(axis=0), motion - motion.mean(axis=0)
    return float((apart * moved).sum() / np.sqrt((apart**2).sum() * (moved**2).sum()))
