"""What a head is trained on and scored on: the portraits of its segment and of the held-out part, and the windows that drive it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tfg import data, priors
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import read_crop
from tfg.features.lips.motion import lip_motion, lip_opening
from tfg.features.lips.regression import LipMap, fit_map
from tfg.features.portrait import Observed, frame_face, observe, portraits
from tfg.features.true_cameras import SIDECAR, true_cameras
from tfg.heads import Head
from tfg.record import meter
from tfg.types import Floats, Portrait


def has_true_cameras(config: DictConfig) -> bool:
    """Whether a head's poses are the ground truth's; heads of before the key have fitted ones."""
    return bool(OmegaConf.select(config, "clip.cameras", default="fitted") == SIDECAR)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What was read of the segment, of the clip cut to the face."""

    features: ClipFeatures
    observed: Observed


@dataclass(frozen=True, kw_only=True)
class Material:
    """Both parts of a head; windows are normalised on the training part. `audio` of the portraits is what drives the head."""

    features: ClipFeatures  # of the clip cut to the face
    train: Portrait  # m frames
    test: Portrait  # n frames
    mean: Floats  # (channels,) of what drives the training part
    std: Floats  # (channels,)
    train_windows: Floats  # (m, 8, channels) of what drives the head; nothing of the held-out part is in them
    test_windows: Floats  # (n, 8, channels)
    train_sound: Floats  # (m, 8, audio channels) windows of the audio features, with conditioning=audio the same
    test_sound: Floats  # (n, 8, audio channels)
    lips: LipMap | None  # conditioning=lips: from audio features to the lip motion that drives the head
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
    # Heads of before the key were posed by landmarks alone.
    stabilise = OmegaConf.select(head.config, "clip.stabilise", default=False) and features.face.name != "sidecar"
    known = true_cameras(features.clip) if has_true_cameras(head.config) else None
    train, test, cameras = portraits(observed, held_out, features.clip.size, stabilise=stabilise, known=known)
    spent = (meter.now() - started).rounded("camera_fit_")
    sound, stop = features.sound(), features.clip.num_reference_frames
    mean, std = data.audio_statistics(train.audio)
    own, held = (
        data.audio_windows(sound[:stop], mean, std, train.frames),
        data.audio_windows(sound, mean, std, test.frames),
    )
    material = Material(
        features=features,
        train=train,
        test=test,
        mean=mean,
        std=std,
        train_windows=own,
        test_windows=held,
        train_sound=own,
        test_sound=held,
        lips=None,
        fit={
            "camera_error_px": cameras.error_pixels,
            "keypoints": cameras.keypoints,
            "keypoint_error_px": cameras.keypoint_error_pixels,
            "focal_px": cameras.focal,
            **spent,
        },
    )
    return _lip_driven(head, material, sound) if head.config.conditioning == "lips" else material


def _lip_driven(head: Head, material: Material, sound: Floats) -> Material:
    """The head is shown how its lips moved in the training part, and driven by the motion that sound predicts everywhere else."""
    train, stop = material.train, material.features.clip.num_reference_frames
    seen = lip_motion(train.landmarks, train.cameras, train.face_shape)
    prior, ridge = priors.lip_prior(head.config), head.config.prior.ridge
    lips = fit_map(sound[:stop], train.frames, seen, prior, ridge, lip_opening())
    predicted = lips.predict(sound)
    around = lips.predict(sound[:stop])
    around[train.frames] = seen
    mean, std = data.audio_statistics(seen)
    return replace(
        material,
        train=replace(train, audio=seen),
        test=replace(material.test, audio=predicted[material.test.frames]),
        mean=mean,
        std=std,
        train_windows=data.audio_windows(around, mean, std, train.frames),
        test_windows=data.audio_windows(predicted, mean, std, material.test.frames),
        lips=lips,
    )
