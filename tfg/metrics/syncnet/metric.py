"""Sync-C, Sync-D and the offset of the official SyncNet, read a few pictures at a time so that memory does not grow with length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import NO_AUDIO, NO_FACE, Chunk, MetricFacts, Outcome, PerFrame, Pictures, ScoredVideo
from tfg.metrics.curve import MAX_OFFSET, curve, pairwise
from tfg.metrics.syncnet import crop, mfcc
from tfg.metrics.syncnet.network import FRAMES, SyncNet
from tfg.types import SAMPLES_PER_FRAME, Bytes, Floats, InputError

DIRECT_NAMES = ("sync_c_crop", "sync_d_crop", "sync_offset_crop")
FEWEST_WINDOWS = 2 * MAX_OFFSET + 1  # fewer, and every distance is partly one to the zeros beyond the sound
_MOUTHFUL = 8  # windows embedded together: bounds the memory at about 100 MB; more are hardly faster
_ROWS = 256  # windows whose distances are taken together
_SMOOTHING = 9  # frames of the median filter of the frame-wise confidence, as the official script prints it

_NUMBERS = (
    "Sync-C (LSE-C): median minus minimum of the offset curve, higher is better",
    "Sync-D (LSE-D): minimum of the offset curve, lower is better",
    "offset in frames of that minimum, negative when the sound comes late",
)
_FACTS = (
    MetricFacts(title="Sync-C", better="up", digits=2, curve="Sync-C of single windows, median of 9"),
    MetricFacts(title="Sync-D", better="down", digits=2, curve="Distance of lips and sound at the video's offset"),
    MetricFacts(title="Sync offset", unit="frames", better="none", digits=0),
)
_FORMULA = (
    "official SyncNet v2, windows of 5 frames and of 20 MFCC steps on int16 sound, Euclidean distance of unnormalised "
    "1024-number embeddings at 31 offsets, sound padded with zeros, the curve averaged over all windows first"
)
_DIFFERS = (
    "Differs from: joonson/syncnet_python by boxes from 68 landmarks and forehead instead of S3FD, no scene cut detection, "
    "no re-encoding of crops (XVID, JPEG)"
)


@dataclass(frozen=True, kw_only=True)
class SyncNetScore:
    """Metric: sync_c, sync_d, sync_offset. `direct` scores clips and faces too short or small for the official pipeline.

    The direct crop moves scores by whole points and must not share a column with official ones: give it `names=DIRECT_NAMES`.
    """

    network: SyncNet | None
    note: str  # checksum of the weights, or why there are none
    direct: bool = False  # one crop in every frame, any number of frames, any size of face
    min_face_pixels: int = 100  # the mean face of a track must be larger; not with `direct`
    names: tuple[str, ...] = ("sync_c", "sync_d", "sync_offset")
    needs: tuple[str, ...] = ("audio", "faces")

    def __post_init__(self) -> None:
        if self.min_face_pixels < 0:
            raise InputError(f"metrics.min_face_pixels must not be negative, but is {self.min_face_pixels}")
        if len(self.names) != len(_NUMBERS):
            raise InputError(f"metrics.names must be {len(_NUMBERS)} names, not {self.names}")

    @property
    def facts(self) -> dict[str, MetricFacts]:
        """The direct crop's say so in their titles."""
        suffix = ", direct crop" if self.direct else ""
        return {name: replace(fact, title=fact.title + suffix) for name, fact in zip(self.names, _FACTS, strict=True)}

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        """Nothing: windows cross chunks, and a crop depends on the whole track. `conclude` reads the pictures."""
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        track = self._track(video)
        scored = "no track" if isinstance(track, str) else self._scored(track, video)
        shared = f"{_FORMULA}; {scored}; {_DIFFERS}; faces by {video.reader}; weights {self.note}"
        return {name: f"{number}; {shared}" for name, number in zip(self.names, _NUMBERS, strict=True)}

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if self.network is None:
            return self._missing(self.note)
        if video.audio is None:
            return self._missing(NO_AUDIO)
        track = self._track(video)
        if isinstance(track, str):
            return self._missing(track)
        count = num_windows(track, video.audio)
        if count < FEWEST_WINDOWS:
            return self._missing(f"{max(count, 0)} windows of face and sound are fewer than {FEWEST_WINDOWS} offsets")
        distances = _distances(self.network, video.prediction, video.audio, track, count)
        found = curve(distances)
        closest = distances[:, MAX_OFFSET - found.offset]
        confidence = _smoothed(np.median(found.distances) - closest)
        values = (
            Outcome(value=found.confidence, per_frame=_by_frame(confidence, track, video)),
            Outcome(value=found.distance, per_frame=_by_frame(closest, track, video)),
            Outcome(value=float(found.offset)),
        )
        return dict(zip(self.names, values, strict=True))

    def _missing(self, reason: str) -> dict[str, Outcome]:
        return {name: Outcome(missing=reason) for name in self.names}

    def _track(self, video: ScoredVideo) -> crop.Track | str:
        """What is scored, or why nothing is: the longest of the tracks that the official pipeline would keep."""
        boxes = crop.detector_boxes(video.made.landmarks)
        if self.direct:
            return crop.whole(boxes) or NO_FACE
        tracks = crop.link(boxes)
        if not tracks:
            return NO_FACE
        remedy = "the direct crop (sync_*_crop) scores it under a name of its own"
        long = [track for track in tracks if track.detections > crop.SHORTEST]
        if not long:
            most = max(track.detections for track in tracks)
            return f"the longest face track has {most} frames, SyncNet's pipeline needs more than {crop.SHORTEST}; {remedy}"
        large = [track for track in long if track.size > self.min_face_pixels]
        if not large:
            largest = max(track.size for track in long)
            return f"the face is {largest:.0f} pixels large, SyncNet's pipeline needs more than {self.min_face_pixels}; {remedy}"
        return max(large, key=lambda track: len(track.boxes))

    def _scored(self, track: crop.Track, video: ScoredVideo) -> str:
        """Which frames, which face and which crop, for definitions."""
        count = len(track.boxes)
        what = (
            f"direct crop, not comparable with the official pipeline: all {count} frames, any face size"
            if self.direct
            else f"the longest face track: frames {track.start} to {track.start + count - 1}, {count} of {video.num_frames}"
        )
        return (
            f"{what}, {count - track.detections} of them with an interpolated box, mean face {track.size:.0f} pixels, "
            f"cut s above, 1.8 s below, 1.4 s beside the box's centre (s half its larger side, median filtered over 13 frames), "
            f"grey {crop.GREY} beyond the border, resized to {crop.SIZE}"
        )


def num_windows(track: crop.Track, audio: Floats) -> int:
    """min(frames, whole frames of sound) - 5, one fewer than would fit, as the official script does; may be negative."""
    return min(len(track.boxes), len(audio) // SAMPLES_PER_FRAME - track.start) - FRAMES


def _distances(
    network: SyncNet, pictures: Pictures, audio: Floats, track: crop.Track, count: int
) -> NDArray[np.float64]:
    """(count, 31) distances of lips and sound."""
    lips = np.concatenate([network.lips(crops) for crops in _mouthfuls(pictures, track, count)])
    first, last = track.start * SAMPLES_PER_FRAME, (track.start + len(track.boxes)) * SAMPLES_PER_FRAME
    coefficients = mfcc.mfcc(mfcc.to_int16(audio[first:last]))  # the sound of the track alone
    sound = [
        network.sound(mfcc.windows(coefficients, start, min(start + _MOUTHFUL, count)))
        for start in range(0, count, _MOUTHFUL)
    ]
    return pairwise_in_pieces(lips, np.concatenate(sound))


def pairwise_in_pieces(lips: Floats, sound: Floats) -> NDArray[np.float64]:
    """What `pairwise` gives for all rows, a few hundred at a time: a row looks no farther than 15 rows each way."""
    parts = []
    for start in range(0, len(lips), _ROWS):
        first, last = max(0, start - MAX_OFFSET), start + _ROWS + MAX_OFFSET
        parts.append(pairwise(lips[first:last], sound[first:last])[start - first :][:_ROWS])
    return np.concatenate(parts)


def _mouthfuls(pictures: Pictures, track: crop.Track, count: int) -> Iterator[Bytes]:
    """Consecutive crops in BGR for a few windows each; every picture is read once."""
    squares = crop.squares(track)
    kept = np.empty((0, crop.SIZE, crop.SIZE, 3), np.uint8)
    for start in range(0, count, _MOUTHFUL):
        stop = min(start + _MOUTHFUL, count) + FRAMES - 1
        known = start + len(kept)
        read = pictures.frames(track.start + known, track.start + stop)
        cuts = [crop.cut(picture, square)[..., ::-1] for picture, square in zip(read, squares[known:stop], strict=True)]
        crops = np.concatenate([kept, np.stack(cuts)])
        yield crops
        kept = crops[-(FRAMES - 1) :]


def _smoothed(values: PerFrame) -> PerFrame:
    from scipy.signal import medfilt

    return np.asarray(medfilt(values, _SMOOTHING), np.float64)


def _by_frame(of_windows: PerFrame, track: crop.Track, video: ScoredVideo) -> PerFrame:
    """(count,) -> (n,) with every window at its middle frame, NaN elsewhere."""
    spread = np.full(video.num_frames, np.nan)
    middle = track.start + FRAMES // 2
    spread[middle : middle + len(of_windows)] = of_windows
    return spread
