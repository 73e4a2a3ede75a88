"""What a head is trained on and scored on: the portraits of its segment and of the held-out part, and their audio windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfg import data
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import read_crop
from tfg.features.portrait import Observed, frame_face, observe, portraits
from tfg.heads import Head
from tfg.record import meter
from tfg.types import Floats, Portrait


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was read of the segment, of the clip cut to the face."""

    features: ClipFeatures
    observed: Observed


@dataclass(frozen=True, kw_only=True)
class Material:
    """Both parts of a head; windows are normalised on the training part."""

    features: ClipFeatures  # of the clip cut to the face
    train: Portrait  # m frames
    test: Portrait  # n frames
    mean: Floats  # (channels,) of the training part's audio features
    std: Floats  # (channels,)
    train_windows: Floats  # (m, 8, channels); no sound of the held-out part is in them
    test_windows: Floats  # (n, 8, channels)
    fit: dict[str, Any]  # how well the poses explain the landmarks, and what fitting them cost


def training_part(head: Head, features: ClipFeatures) -> Shown:
    """Faces, masks, pictures and sound of the head's segment."""
    features = frame_face(features, read_crop(head.config.clip.crop, head.clip))
    data.check_split(head.segment, head.clip)
    return Shown(features=features, observed=observe(features, head.segment))


def gather(head: Head, shown: Shown) -> Material:
    """The same of the held-out part, and the poses of both in one scale."""
    features, observed = shown.features, shown.observed
    held_out = observe(features, data.held_out(head.clip), observed.plate)
    started = meter.now()
    train, test, cameras = portraits(observed, held_out, features.clip.size)
    spent = (meter.now() - started).rounded("camera_fit_")
    mean, std = data.audio_statistics(train.audio)
    sound = features.sound()
    return Material(
        features=features,
        train=train,
        test=test,
        mean=mean,
        std=std,
        train_windows=data.audio_windows(sound[: features.clip.num_reference_frames], mean, std, train.frames),
        test_windows=data.audio_windows(sound, mean, std, test.frames),
        fit={"camera_error_px": cameras.error_pixels, "focal_px": cameras.focal, **spent},
    )
