"""One clip's features, computed when needed, cached on disk, their cost counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfg import assets
from tfg.features.base import AudioExtractor, FaceExtractor, MaskExtractor, Masks
from tfg.features.cache import CHUNK, Arrays, Entry, cached, cached_ranges, holds, missing
from tfg.features.cost import AUDIO, FACES, MASKS, Cost
from tfg.record import meter
from tfg.threads import threads
from tfg.types import Clip, FaceTrack, Floats

TRACK_FIELDS = ("num_faces", "landmarks", "upper", "blendshapes", "head_rotation")
_NOT_IN_KEY = ("workers",)  # how fast, not what


@dataclass(frozen=True, kw_only=True)
class ClipFeatures:
    """Lazy features of a clip; `root` is the cache's folder."""

    clip: Clip
    audio: AudioExtractor
    face: FaceExtractor
    masks: MaskExtractor
    root: Path
    _open: list[Cost] = field(default_factory=list)

    def sound(self) -> Floats:
        """(num_frames, channels), the whole clip in one pass, by one thread: an encoder's products may round by their number."""
        with self._waiting(), threads(1):
            entry = cached(self._sound_key(), lambda: {"features": self.audio.extract(self.clip.audio())}, self.root)
        self._count(AUDIO, [(0, entry)], range(self.clip.num_frames))
        return entry.arrays["features"][: self.clip.num_frames]

    def track(self, start: int, stop: int) -> FaceTrack:
        """The face in frames [start, stop), in source pixels."""
        key = self.track_key()

        def compute(a: int, b: int) -> Arrays:
            track = self.face.extract(self.clip, a, b)
            return {name: getattr(track, name) for name in TRACK_FIELDS}

        with self._waiting():
            entries = cached_ranges(
                key, start, stop, self.clip.num_frames, compute, self.root, f"{self.clip.name}: faces"
            )
        self._count(FACES, entries, range(start, stop))
        covered = entries[0][0]
        arrays: dict[str, Any] = {
            name: np.concatenate([entry.arrays[name] for _, entry in entries]) for name in TRACK_FIELDS
        }
        return FaceTrack(start=covered, **arrays).rows(start - covered, stop - covered)

    def sampled(self, what: str, frames: list[int]) -> FaceTrack:
        """The face in single frames, a row each, in source pixels: cheaper than `track` where they lie apart."""

        def read() -> Arrays:
            track = self.face.sample(self.clip, frames)
            return {name: getattr(track, name) for name in TRACK_FIELDS}

        arrays: dict[str, Any] = self.read_off_faces(what, frames, read)
        return FaceTrack(start=frames[0], **arrays)

    def read_off_faces(self, what: str, frames: list[int], read: Callable[[], Arrays], **settings: Any) -> Arrays:
        """What `read` makes of the faces in single frames: computed once, counted as faces. `settings`: what it depends on too."""
        key = {**self.track_key(), "what": what, "rows": frames, **settings}
        with self._waiting():
            entry = cached(key, read, self.root)
        for cost in self._open:
            cost.add(FACES, what, entry, frames)
        return entry.arrays

    def track_key(self) -> dict[str, Any]:
        """What the face tracks of this clip depend on."""
        return {"clip": self.clip.digest, "what": "face", **self._settings(self.face)}

    def mask(self, start: int, stop: int) -> Masks:
        """Head, mouth and torso in frames [start, stop) of the square crop."""
        clip, key = self.clip, self._mask_key()
        covered = start // CHUNK * CHUNK, min(-(-stop // CHUNK) * CHUNK, clip.num_frames)
        track = self.track(*covered)  # apart, so that masks cost what they cost without the faces

        def compute(a: int, b: int) -> Arrays:
            masks = self.masks.extract(clip, a, b, track.rows(a - track.start, b - track.start))
            return {name: np.packbits(getattr(masks, name), axis=-1) for name in ("head", "mouth", "torso")}

        with self._waiting():
            entries = cached_ranges(key, start, stop, clip.num_frames, compute, self.root, f"{clip.name}: masks")
        self._count(MASKS, entries, range(start, stop))
        rows = slice(start - entries[0][0], stop - entries[0][0])

        def whole(name: str) -> np.ndarray:
            packed = np.concatenate([entry.arrays[name] for _, entry in entries])[rows]
            return np.unpackbits(packed, axis=-1, count=clip.size).view(bool)

        return Masks(head=whole("head"), mouth=whole("mouth"), torso=whole("torso"))

    def missing(self, feature: str, start: int, stop: int) -> int:
        """Frames whose FACES or MASKS would be computed for [start, stop), the others being in the cache."""
        key = self.track_key() if feature == FACES else self._mask_key()
        return missing(key, start, stop, self.clip.num_frames, self.root)

    def has_sound(self) -> bool:
        """Whether the features of the sound are in the cache."""
        return holds(self._sound_key(), self.root)

    def _sound_key(self) -> dict[str, Any]:
        clip = self.clip
        return {"clip": clip.digest, "offset": clip.sound_offset, "what": "audio", **_settings(self.audio)}

    def _mask_key(self) -> dict[str, Any]:
        clip = self.clip
        return {
            "clip": clip.digest,
            "what": "masks",
            "crop": dataclasses.asdict(clip.crop),
            "size": clip.size,
            "face": self._settings(self.face),
            **self._settings(self.masks),
        }

    def _settings(self, part: Any) -> dict[str, Any]:
        """The same of a part that may read the ground truth beside the clip."""
        truth = self.clip.sidecar if part.name == "sidecar" else None
        return _settings(part) | ({} if truth is None else {"sidecar": assets.checksum(truth)})

    @contextmanager
    def costing(self, after: Cost | None = None) -> Iterator[Cost]:
        """Count what is used inside the block, without what was counted in the block `after` which it follows."""
        cost = Cost(sources={AUDIO: self.audio.name, FACES: self.face.name, MASKS: self.masks.name})
        if after is not None:
            cost.counted |= after.counted
        self._open.append(cost)
        started = meter.now()
        try:
            yield cost
        finally:
            self._open.remove(cost)
            cost.cold += meter.now() - started - cost.waited

    def _count(self, feature: str, entries: list[tuple[int, Entry]], used: range) -> None:
        """Entries with the first frame of each, and which frames of them all are used."""
        for cost in self._open:
            for position, (first, entry) in enumerate(entries):
                last = entries[position + 1][0] if position + 1 < len(entries) else used.stop
                cost.add(feature, first, entry, range(max(first, used.start), last))

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        started = meter.now()
        yield
        for cost in self._open:
            cost.waited += meter.now() - started


def _settings(part: Any) -> dict[str, Any]:
    """What a part's features depend on: its class and its configuration, weights by their checksum."""
    values = {k: v for k, v in dataclasses.asdict(part).items() if k not in _NOT_IN_KEY}
    if "weights" in values:
        values["weights"] = assets.checksum(part.path)
    return {"class": type(part).__qualname__, "version": getattr(part, "version", 1), **values}
