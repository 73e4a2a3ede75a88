"""The embedded clip: a parametric talking head speaking real sentences, as an ordinary mp4 with a sidecar of ground truth.

Speech, motion and person come from three seeds that know nothing of each other, which is the paper's simulation: the
same motion with other audio, the same audio with few poses.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from tfg.clip.synthetic.expression import coefficients
from tfg.clip.synthetic.identity import make_identity
from tfg.clip.synthetic.motion import Motion, make_motion, rotations, translations
from tfg.clip.synthetic.render import REST_TRANSLATION, Camera, Shot
from tfg.clip.synthetic.scene import make_scene
from tfg.clip.synthetic.speech import MOUTH_PARAMETERS, VISEMES, Speech, make_speech
from tfg.clip.write import write_video
from tfg.types import FPS, UPPER_FACE, InputError

VERSION = 2  # of pictures, sound and sidecar; a change makes every cached clip anew
_SHORTEST_SECONDS, _SMALLEST, _LARGEST = 1.0, 32, 1024
_THREADS = 2


@dataclass(frozen=True, kw_only=True)
class SyntheticClip:
    """Which clip to make."""

    speech_seed: int = 0  # sentences, their order, pitch and pace
    motion_seed: int = 0  # head, blinks, brows, gaze
    identity_seed: int = 0  # face, hair, clothes, wall
    num_poses: int | None = None  # distinct head poses; None moves smoothly
    seconds: float = 66.0
    size: int = 128  # pixels of the square picture

    def __post_init__(self) -> None:
        for key in ("speech_seed", "motion_seed", "identity_seed"):
            if getattr(self, key) < 0:
                raise InputError(f"clip.synthetic.{key}: is {getattr(self, key)}; give a whole number from 0 up")
        if not _SHORTEST_SECONDS <= self.seconds <= 3600:
            raise InputError(f"clip.synthetic.seconds: is {self.seconds}; give {_SHORTEST_SECONDS:g} to 3600")
        if self.size % 2 or not _SMALLEST <= self.size <= _LARGEST:
            raise InputError(
                f"clip.size: is {self.size}; the embedded clip takes even sizes from {_SMALLEST} to {_LARGEST}"
            )
        if self.num_poses is not None and not 1 <= self.num_poses <= self.num_frames:
            raise InputError(
                f"clip.synthetic.num_poses: is {self.num_poses}; give null or 1 to {self.num_frames}, the frames"
            )

    @property
    def num_frames(self) -> int:
        return round(self.seconds * FPS)

    @property
    def identity(self) -> str:
        values = {key: value for key, value in asdict(self).items() if key != "size"}
        canonical = json.dumps({"version": VERSION, **values, "seconds": float(self.seconds)}, sort_keys=True)
        return f"embedded-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    @property
    def folder_name(self) -> str:
        """Seeds to read and a hash of everything, the version included."""
        canonical = json.dumps({"version": VERSION, **asdict(self), "seconds": float(self.seconds)}, sort_keys=True)
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
        return f"synthetic-s{self.speech_seed}-m{self.motion_seed}-i{self.identity_seed}-{digest}"


def make_synthetic(spec: SyntheticClip, root: Path) -> Path:
    """The clip's mp4 under `root`, with its sidecar beside it under the same stem; made when it is not there yet.

    Of several processes one renders and the others wait. The mp4 is put in place last, so that it is never without its sidecar.
    """
    folder = Path(root) / spec.folder_name
    path = folder / "clip.mp4"
    if path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if not path.is_file():
                _make(spec, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{folder}: cannot be written ({reason}); free some space or set TFG_CACHE") from error
    return path


def _make(spec: SyntheticClip, folder: Path) -> None:
    speech = make_speech(spec.speech_seed, spec.num_frames)
    motion = make_motion(spec.motion_seed, spec.num_frames, spec.num_poses)
    seen: list[dict[str, NDArray[np.generic]]] = []
    camera = Camera(make_scene(make_identity(spec.identity_seed), spec.size), spec.size)
    partial = folder / "partial.mp4"
    write_video(partial, _pictures(spec, camera, speech, motion, seen), speech.audio)
    sidecar = folder / "partial.npz"
    np.savez_compressed(sidecar, **_ground_truth(spec, camera, speech, motion, seen))  # type: ignore[arg-type]
    os.replace(sidecar, folder / "clip.npz")
    os.replace(partial, folder / "clip.mp4")


def render(spec: SyntheticClip, camera: Camera, speech: Speech, motion: Motion) -> Iterator[Shot]:
    """The frames in order, drawn on two threads."""
    rotation = rotations(motion.pose)
    translation = translations(motion.pose, rotation, np.array(REST_TRANSLATION))
    weights = coefficients(speech.mouth, motion.upper)
    tongue = MOUTH_PARAMETERS.index("tongue")

    def draw(index: int) -> Shot:
        return camera.shoot(
            weights[index], rotation[index], translation[index], motion.gaze[index], float(speech.mouth[index, tongue])
        )

    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, spec.num_frames, 4 * _THREADS):
            yield from pool.map(draw, range(start, min(start + 4 * _THREADS, spec.num_frames)))


def _pictures(
    spec: SyntheticClip, camera: Camera, speech: Speech, motion: Motion, seen: list[dict[str, NDArray[np.generic]]]
) -> Iterator[NDArray[np.uint8]]:
    """Pictures for the writer; what else was seen of each frame is kept in `seen`, the progress goes to stderr."""
    began = shown = time.monotonic()
    seconds = f"{spec.seconds:g} s at {spec.size} x {spec.size}"
    print(f"Making the embedded clip, once: {seconds} ...", file=sys.stderr, flush=True)
    for count, shot in enumerate(render(spec, camera, speech, motion), start=1):
        masks = {"head_mask": shot.head, "mouth_mask": shot.mouth, "torso_mask": shot.torso}
        packed = {name: np.packbits(mask, axis=-1) for name, mask in masks.items()}
        seen.append({"landmarks": shot.landmarks, **packed})
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            print(f"  frame {count} of {spec.num_frames}", file=sys.stderr, flush=True)
        yield shot.image
    print(f"  done in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _ground_truth(
    spec: SyntheticClip, camera: Camera, speech: Speech, motion: Motion, seen: list[dict[str, NDArray[np.generic]]]
) -> dict[str, NDArray[np.generic]]:
    """The sidecar's arrays; conventions of tfg.types.

    Of every frame: landmarks (n, 68, 2) in pixels; head_mask, mouth_mask and torso_mask (n, size, ceil(size / 8)), np.packbits along
    the last axis.
    """
    rotation = rotations(motion.pose)
    translation = translations(motion.pose, rotation, np.array(REST_TRANSLATION))
    return {
        "version": np.array(VERSION),
        "size": np.array(spec.size),
        "focal": np.array(camera.focal, np.float32),
        "rotation": rotation.astype(np.float32),  # (n, 3, 3)
        "translation": translation.astype(np.float32),  # (n, 3)
        "face_shape": camera.scene.face_shape(),  # (68, 3) head space, eyes open, mouth closed
        "upper": motion.upper,  # (n, 7)
        "upper_names": np.array(UPPER_FACE),
        "gaze": motion.gaze,  # (n, 2) radians
        "mouth": speech.mouth,  # (n, 7)
        "mouth_names": np.array(MOUTH_PARAMETERS),
        "visemes": speech.visemes,  # (n,)
        "viseme_names": np.array(VISEMES),
        "phonemes": np.array(speech.phonemes),  # (m,)
        "phoneme_times": speech.phoneme_times.astype(np.float32),  # (m, 2) seconds
        **{name: np.stack([row[name] for row in seen]) for name in seen[0]},
    }
