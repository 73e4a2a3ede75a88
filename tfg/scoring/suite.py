"""Which metrics a video is scored with: built from switches, and from the pretrained files that are here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from tfg import assets
from tfg.features.base import FaceReader
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.face.fitted import FittedLandmarks
from tfg.metrics.base import Metric
from tfg.metrics.blink import BlinkRate
from tfg.metrics.distribution import FrechetDistance
from tfg.metrics.expression import BlendshapeError
from tfg.metrics.head_motion import HeadJitter, HeadPoseError
from tfg.metrics.identity import Identity
from tfg.metrics.image import ImageQuality
from tfg.metrics.landmark import LandmarkDistance, MouthCorrelation
from tfg.metrics.listener import TOTAL_STEPS, Listener, ListenerSync, ListenerUnavailable
from tfg.metrics.listener_features import log_mel
from tfg.metrics.lpips import Lpips, PerceptualDistance
from tfg.metrics.openface import ActionUnitError
from tfg.metrics.syncnet.metric import DIRECT_NAMES, SyncNetScore
from tfg.metrics.syncnet.network import SyncNet
from tfg.metrics.temporal import Flicker
from tfg.progress import progress

Weights = TypeVar("Weights")


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The metrics that cost time or need files; the others are always scored."""

    lpips: bool = True
    listener: bool = True
    syncnet: bool = True
    identity: bool = True
    fid: bool = True


@dataclass(frozen=True, kw_only=True)
class Ear:
    """A listener fitted to one person, or the reason why there is none."""

    listener: Listener | None
    reason: str = ""


def build(
    switches: Switches, *, reader: FaceReader | None, listener: Ear, action_units: ActionUnitError | None = None
) -> tuple[Metric, ...]:
    """Every metric, in the order of the tables; one whose file is missing is there and says so."""
    reads_all = not isinstance(reader, FittedLandmarks)  # else eyes and pose are taken from the truth
    perceptual, perceptual_note = _weights(switches.lpips, "lpips", "lpips_alex", Lpips)
    syncnet, syncnet_note = _weights(switches.syncnet, "syncnet", "syncnet", SyncNet.load)
    identity, identity_note = _weights(switches.identity, "identity", "mobilefacenet", Identity.open)
    inception, inception_note = _weights(switches.fid, "fid", "inception_fid", FrechetDistance.open)
    metrics: list[Metric] = [
        ImageQuality(),
        PerceptualDistance(network=perceptual, note=perceptual_note),
        LandmarkDistance(),
        MouthCorrelation(),
        SyncNetScore(network=syncnet, note=syncnet_note),
        SyncNetScore(network=syncnet, note=syncnet_note, direct=True, names=DIRECT_NAMES),
        ListenerSync(listener=listener.listener, reason=listener.reason),
        BlendshapeError(),
        HeadPoseError(shape=GENERIC_SHAPE, reads_pose=reads_all),
        HeadJitter(shape=GENERIC_SHAPE, reads_pose=reads_all),
        BlinkRate(reads_eyes=reads_all),
        Flicker(),
        Identity(network=identity, note=identity_note),
        FrechetDistance(network=inception, note=inception_note),
    ]
    return (*metrics, action_units) if action_units is not None else tuple(metrics)


def fit_listener(features: ClipFeatures | None, switches: Switches) -> Ear:
    """The listener of a reference clip, fitted on all that may be trained on and never on the held-out part; cached."""
    if not switches.listener:
        return Ear(listener=None, reason=_off("listener"))
    if features is None:
        return Ear(
            listener=None, reason="no reference was given; --reference VIDEO names what the method was trained on"
        )
    clip = features.clip
    stop = clip.num_reference_frames
    key = json.dumps([features.track_key(), Listener.key(), stop], sort_keys=True)
    path = features.root.parent / "listeners" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.exists():
            return Ear(listener=Listener.load(path))
        track = features.track(0, stop)
        try:
            with progress(f"{clip.name}: listener", TOTAL_STEPS, "steps") as advance:
                listener = Listener.fit(log_mel(clip.audio())[:stop], clip.to_clip(track.landmarks), progress=advance)
        except ListenerUnavailable as reason:
            return Ear(listener=None, reason=str(reason))
        listener.save(path)
    return Ear(listener=listener)


def _off(switch: str) -> str:
    return f"switched off (metrics.{switch}=false)"


def _weights(wanted: bool, switch: str, name: str, load: Callable[[Path], Weights]) -> tuple[Weights | None, str]:
    """The network and its weights' checksum, or None and why there is none."""
    if not wanted:
        return None, _off(switch)
    known = assets.asset(name)
    path = assets.locate(known)
    if path is None:
        return None, f"{assets.absence(known)}; {assets.remedy(known)}, or `tfg assets add FILE`"
    return load(path), f"{path.name}, sha256 {assets.checksum(path)[:12]}"
