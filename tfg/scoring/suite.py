"""Which metrics a video is scored with: built from switches, and from the pretrained files that are here."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from tfg import assets
from tfg.features.base import FaceReader
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.face.fitted import FittedLandmarks
from tfg.metrics.base import Metric
from tfg.metrics.blink import BlinkRate, LidMotion
from tfg.metrics.closure import MouthClosure
from tfg.metrics.distribution import FrechetDistance
from tfg.metrics.expression import BlendshapeError
from tfg.metrics.head_motion import HeadJitter, HeadPoseError
from tfg.metrics.identity import Identity
from tfg.metrics.image import ImageQuality
from tfg.metrics.landmark import LandmarkDistance, MouthCorrelation
from tfg.metrics.listener.features import log_mel
from tfg.metrics.listener.fitted import FEWEST_SCORED, TOTAL_STEPS, FittedListener, ListenerUnavailable, NoListener
from tfg.metrics.listener.metric import ListenerSync
from tfg.metrics.lpips import Lpips, PerceptualDistance
from tfg.metrics.openface import ActionUnitError
from tfg.metrics.syncnet.metric import DIRECT_NAMES, SyncNetScore
from tfg.metrics.syncnet.network import SyncNet
from tfg.metrics.temporal import Flicker
from tfg.progress import progress
from tfg.record.files import write_text
from tfg.record.metrics import OFF
from tfg.record.ownership import private
from tfg.scoring.setting import WEIGHTS, Switches
from tfg.types import InputError

Weights = TypeVar("Weights")


def build(
    switches: Switches,
    *,
    reader: FaceReader | None,
    listener: FittedListener | NoListener,
    action_units: ActionUnitError | None = None,
) -> tuple[Metric, ...]:
    """Every metric, in the order of the tables; one whose file is missing is there and says so."""
    reads_all = not isinstance(reader, FittedLandmarks)  # else eyes and pose are taken from the truth
    perceptual, perceptual_note = _weights(switches, "lpips", Lpips)
    syncnet, syncnet_note = _weights(switches, "syncnet", SyncNet.load)
    identity, identity_note = _weights(switches, "identity", Identity.open)
    inception, inception_note = _weights(switches, "fid", FrechetDistance.open)
    metrics: list[Metric] = [
        ImageQuality(),
        PerceptualDistance(network=perceptual, note=perceptual_note),
        LandmarkDistance(),
        MouthCorrelation(),
        MouthClosure(),
        SyncNetScore(network=syncnet, note=syncnet_note),
        SyncNetScore(network=syncnet, note=syncnet_note, direct=True, names=DIRECT_NAMES),
        ListenerSync(listener=listener),
        BlendshapeError(),
        HeadPoseError(shape=GENERIC_SHAPE, reads_pose=reads_all),
        HeadJitter(shape=GENERIC_SHAPE, reads_pose=reads_all),
        BlinkRate(reads_eyes=reads_all),
        LidMotion(reads_eyes=reads_all),
        Flicker(),
        Identity(network=identity, note=identity_note),
        FrechetDistance(network=inception, note=inception_note),
    ]
    return (*metrics, action_units) if action_units is not None else tuple(metrics)


def fit_listener(features: ClipFeatures | None, switches: Switches, num_frames: int) -> FittedListener | NoListener:
    """The listener of a reference clip, fitted on all that may be trained on and never on the held-out part; cached.

    `num_frames` will be scored with it: where they are too few, none is fitted. A damaged file in the cache is named in one line and
    fitted anew. Why none could be fitted is cached too.
    """
    if not switches.listener:
        return NoListener(reason=_off("listener"))
    if features is None:
        return NoListener(reason="no reference was given; --reference VIDEO names what the method was trained on")
    if num_frames < FEWEST_SCORED:
        return NoListener(
            reason=f"{num_frames} frames are too few for the listener, which needs at least {FEWEST_SCORED}"
        )
    clip = features.clip
    stop = clip.num_reference_frames
    path = listener_file(features)
    refusal = _refusal(path)
    private(path.parent, "whose numbers would be used")
    with FileLock(path.with_suffix(".lock")):
        if refusal.exists():
            return NoListener(reason=refusal.read_text(errors="replace"))
        if path.exists():
            try:
                return FittedListener.load(path)
            except InputError as error:
                print(f"tfg: {error}; fitted anew", file=sys.stderr)
        track = features.track(0, stop)
        try:
            with progress(f"{clip.name}: listener", TOTAL_STEPS, "steps") as advance:
                listener = FittedListener.fit(
                    log_mel(clip.audio())[:stop], clip.to_clip(track.landmarks), progress=advance
                )
        except ListenerUnavailable as reason:
            write_text(refusal, str(reason))
            return NoListener(reason=str(reason))
        listener.save(path)
    return listener


def knows_listener(features: ClipFeatures) -> bool:
    """Whether the cache has the listener of a clip, or why there is none."""
    path = listener_file(features)
    return path.exists() or _refusal(path).exists()


def _refusal(path: Path) -> Path:
    return path.with_suffix(".txt")


def listener_file(features: ClipFeatures) -> Path:
    """Where the cache has the listener of a clip, or will have it."""
    clip = features.clip
    described = [features.track_key(), clip.sound_offset, FittedListener.key(), clip.num_reference_frames]
    key = json.dumps(described, sort_keys=True)
    return features.root.parent / "listeners" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"


def _off(switch: str) -> str:
    return f"{OFF}{switch}=false)"


def _weights(switches: Switches, switch: str, load: Callable[[Path], Weights]) -> tuple[Weights | None, str]:
    """The network and its weights' checksum, or None and why there is none."""
    if not getattr(switches, switch):
        return None, _off(switch)
    known = assets.asset(WEIGHTS[switch])
    path = assets.usable(known)
    if path is None:
        return None, f"{assets.absence(known)}; {assets.remedy(known)}, or `tfg assets add FILE`"
    return load(path), f"{path.name}, sha256 {assets.checksum(path)[:12]}"
