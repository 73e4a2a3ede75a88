"""Which embedded clip to make, and its identity. Apart from the generator, so that names and checks need none of its libraries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from tfg.types import FPS, InputError

# of pictures, sound and sidecar; a change makes every cached clip anew and gives it another identity
VERSION = 3
# keys that came later: where they say nothing, clips keep their identity
_LATER = ("poses_seconds", "motion_seconds")
_SHORTEST_SECONDS, _SMALLEST, _LARGEST = 1.0, 32, 1024


@dataclass(frozen=True, kw_only=True)
class SyntheticClip:
    """Which clip to make; conf/clip/embedded.yaml has the defaults."""

    speech_seed: int  # sentences, their order, pitch and pace
    motion_seed: int  # head, blinks, brows, gaze
    identity_seed: int  # face, hair, clothes, wall
    num_poses: int | None  # distinct head poses; None moves smoothly
    poses_seconds: float | None  # how long from the start it visits them, then it moves smoothly; None: all along
    motion_seconds: float | None  # after which head, blinks, brows and gaze start anew, whatever is said; None: never
    seconds: float
    size: int  # pixels of the square picture

    def __post_init__(self) -> None:
        for key in ("speech_seed", "motion_seed", "identity_seed"):
            if not _is_whole(getattr(self, key)) or getattr(self, key) < 0:
                raise InputError(f"clip.synthetic.{key}: is {getattr(self, key)}; give a whole number from 0 up")
        if not (_is_number(self.seconds) and _SHORTEST_SECONDS <= self.seconds <= 3600):
            raise InputError(f"clip.synthetic.seconds: is {self.seconds}; give {_SHORTEST_SECONDS:g} to 3600")
        if not _is_whole(self.size) or self.size % 2 or not _SMALLEST <= self.size <= _LARGEST:
            raise InputError(
                f"clip.size: is {self.size}; the embedded clip takes even sizes from {_SMALLEST} to {_LARGEST}"
            )
        for key in _LATER:
            value = getattr(self, key)
            if value is not None and not (_is_number(value) and _SHORTEST_SECONDS <= value <= self.seconds):
                raise InputError(
                    f"clip.synthetic.{key}: is {value}; give null or {_SHORTEST_SECONDS:g} to {self.seconds:g}, the clip"
                )
        if self.poses_seconds is not None and self.num_poses is None:
            raise InputError(
                f"clip.synthetic.poses_seconds: is {self.poses_seconds}; give clip.synthetic.num_poses too"
            )
        if self.poses_seconds is not None and self.motion_seconds is not None:
            raise InputError("clip.synthetic.poses_seconds, clip.synthetic.motion_seconds: give only one of them")
        frames = round((self.poses_seconds or self.motion_seconds or self.seconds) * FPS)
        if self.num_poses is not None and not (_is_whole(self.num_poses) and 1 <= self.num_poses <= frames):
            raise InputError(f"clip.synthetic.num_poses: is {self.num_poses}; give null or 1 to {frames}, the frames")

    @property
    def num_frames(self) -> int:
        return round(self.seconds * FPS)

    @property
    def identity(self) -> str:
        """What seeds and run ids depend on: the specification and the generator's version, but not the size of the pictures."""
        return f"embedded-{self._digest('size')}"

    @property
    def folder_name(self) -> str:
        """Seeds to read and a hash of everything, the version included."""
        return f"synthetic-s{self.speech_seed}-m{self.motion_seed}-i{self.identity_seed}-{self._digest()}"

    def _digest(self, *without: str) -> str:
        fields = {"version": VERSION, **asdict(self), "seconds": float(self.seconds)}
        fields = {key: value for key, value in fields.items() if key not in _LATER or value is not None}
        canonical = json.dumps({key: value for key, value in fields.items() if key not in without}, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float)
