"""One video by any metrics: reads the faces, shows every metric the pictures once, collects the values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfg.metrics import regions
from tfg.metrics.base import (
    NO_AUDIO,
    NO_FACE,
    NO_TRUTH,
    Chunk,
    Metric,
    MetricFacts,
    MetricValue,
    Outcome,
    Pictures,
    ScoredVideo,
)
from tfg.types import Bytes, FaceTrack, Floats, InputError

CHUNK_BYTES = 16_000_000  # of pictures looked at together
READ_BYTES = 64_000_000  # of pictures whose faces are read in one call


class FaceReader(Protocol):
    """Finds the face in pictures; `guide` (n, 68, 2) says where the head truly is, for readers that cannot find it."""

    @property
    def definition(self) -> str: ...

    @property
    def is_guided(self) -> bool: ...

    def read(self, images: Bytes, guide: Floats | None = None) -> FaceTrack: ...


@dataclass(frozen=True, kw_only=True)
class Held:
    """Pictures in memory, (n, height, width, 3) uint8."""

    images: Bytes

    @property
    def shape(self) -> tuple[int, int, int]:
        count, height, width = self.images.shape[:3]
        return count, height, width

    def frames(self, start: int, stop: int) -> Bytes:
        return self.images[start:stop]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is scored: one prediction, with its truth and sound where they are known; all of n frames at 25 fps, of one size."""

    prediction: Pictures
    truth: Pictures | None
    where: str  # opens every definition: which frames, their number and size, what was resampled, cut or resized
    made: FaceTrack  # faces in the prediction, n rows
    true: FaceTrack | None  # faces in the truth, n rows
    audio: Floats | None = None  # (n * 640,)
    blind: str | None = None  # why no faces were read at all, such as a missing model; then only full frames are scored
    guide: Floats | None = None  # (n, 68, 2) where better landmarks of the truth are known than the reader's

    def __post_init__(self) -> None:
        if self.truth is not None and self.truth.shape != self.prediction.shape:
            made, true = (f"{w}x{h}, {n} frames" for n, h, w in (p.shape for p in (self.prediction, self.truth)))
            raise InputError(f"prediction ({made}) and truth ({true}) differ in length or size")
        if not self.prediction.shape[0]:
            raise InputError("prediction: holds no frame; there is nothing to score")


def read_faces(reader: FaceReader, pictures: Pictures, guide: Floats | None = None) -> FaceTrack:
    """The face in every frame. Of pictures in memory that repeat (the controls static and nearest), each is read once."""
    if not isinstance(pictures, Held):
        return read_range(reader, pictures, 0, pictures.shape[0], guide)
    firsts, rows = _different(pictures.images, guide if reader.is_guided else None)
    if len(firsts) == len(rows):  # a copy of all pictures would only cost memory
        return read_range(reader, pictures, 0, len(rows), guide)
    places = None if guide is None else guide[firsts]
    return _rows(read_range(reader, Held(images=pictures.images[firsts]), 0, len(firsts), places), rows)


def read_range(reader: FaceReader, pictures: Pictures, start: int, stop: int, guide: Floats | None = None) -> FaceTrack:
    """The face in frames [start, stop), a bounded number of pictures in memory at once."""
    return joined(
        [
            reader.read(pictures.frames(a, b), None if guide is None else guide[a:b])
            for a, b in _ranges(pictures, READ_BYTES, start, stop)
        ]
    )


def score(
    subject: Subject, metrics: tuple[Metric, ...], reader: str, advance: Callable[[int], object] = lambda frames: None
) -> dict[str, MetricValue]:
    """Name -> value, in the order of the metrics. `reader` is the face reader's definition; `advance`: frames done."""
    video = ScoredVideo(
        prediction=subject.prediction,
        truth=subject.truth,
        made=subject.made,
        true=subject.true,
        audio=subject.audio,
        where=subject.where,
        reader=reader,
    )
    unmet = [_unmet(metric, video, subject.blind) for metric in metrics]
    able = [metric for metric, reason in zip(metrics, unmet, strict=True) if reason is None]
    rows: list[dict[str, list[NDArray[Any]]]] = [{} for _ in able]
    if any("chunks" in metric.needs for metric in able):
        for chunk in _chunks(subject):
            for metric, found in zip(able, rows, strict=True):
                if "chunks" in metric.needs:
                    for name, part in metric.look(chunk).items():
                        found.setdefault(name, []).append(part)
            advance(len(chunk.prediction))
    whole = [{name: np.concatenate(parts) for name, parts in found.items()} for found in rows]
    values: dict[str, MetricValue] = {}
    for metric, reason in zip(metrics, unmet, strict=True):
        if reason is not None:
            outcomes = {name: Outcome(missing=reason) for name in metric.names}
        else:
            outcomes = metric.conclude(whole[able.index(metric)], video)
        sentences, facts = metric.define(video), metric.facts
        for name in metric.names:
            outcome = outcomes[name]
            if subject.blind is not None and outcome.missing == NO_FACE:
                outcome = Outcome(missing=subject.blind)
            values[name] = _value(outcome, f"{sentences[name]}; {video.where}", facts[name])
    return values


def joined(tracks: list[FaceTrack]) -> FaceTrack:
    """Tracks of neighbouring runs of frames as one, counted from 0."""
    arrays: dict[str, Any] = {
        field.name: np.concatenate([getattr(track, field.name) for track in tracks])
        for field in fields(FaceTrack)
        if field.name != "start"
    }
    return FaceTrack(start=0, **arrays)


def _different(images: Bytes, guide: Floats | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the pictures (with their guides) that differ, and for every picture its place among them."""
    places: dict[bytes, int] = {}
    firsts: list[int] = []
    rows = np.empty(len(images), np.int64)
    for row, picture in enumerate(images):
        content = hashlib.sha256(np.ascontiguousarray(picture).data)
        if guide is not None:
            content.update(np.ascontiguousarray(guide[row]).data)
        rows[row] = places.setdefault(content.digest(), len(places))
        if rows[row] == len(firsts):
            firsts.append(row)
    return np.array(firsts), rows


def _rows(track: FaceTrack, rows: slice | NDArray[np.int64]) -> FaceTrack:
    arrays: dict[str, Any] = {
        field.name: getattr(track, field.name)[rows] for field in fields(FaceTrack) if field.name != "start"
    }
    return replace(track, **arrays)


def _unmet(metric: Metric, video: ScoredVideo, blind: str | None) -> str | None:
    """Why a metric cannot be scored at all."""
    if "truth" in metric.needs and video.truth is None:
        return NO_TRUTH
    if "faces" in metric.needs and blind is not None:
        return blind
    return NO_AUDIO if "audio" in metric.needs and video.audio is None else None


def _chunks(subject: Subject) -> Iterator[Chunk]:
    prediction, truth, (_, height, width) = subject.prediction, subject.truth, subject.prediction.shape
    anchor = subject.true if subject.true is not None else subject.made
    landmarks = subject.guide if subject.guide is not None else anchor.landmarks
    faces, mouths = (make(landmarks, height, width) for make in (regions.face_boxes, regions.mouth_boxes))
    before: tuple[Bytes | None, Bytes | None] = (None, None)
    for start, stop in _ranges(prediction, CHUNK_BYTES, 0, prediction.shape[0]):
        rows = slice(start, stop)
        made, true = prediction.frames(start, stop), None if truth is None else truth.frames(start, stop)
        yield Chunk(
            start=start,
            prediction=made,
            truth=true,
            prediction_before=before[0],
            truth_before=before[1],
            made=_rows(subject.made, rows),
            true=None if subject.true is None else _rows(subject.true, rows),
            face_boxes=faces[rows],
            mouth_boxes=mouths[rows],
        )
        before = (made[-1], None if true is None else true[-1])


def _ranges(pictures: Pictures, at_once: int, start: int, stop: int) -> list[tuple[int, int]]:
    _, height, width = pictures.shape
    step = max(1, at_once // (3 * height * width))
    return [(first, min(first + step, stop)) for first in range(start, stop, step)]


def _value(outcome: Outcome, definition: str, facts: MetricFacts) -> MetricValue:
    if outcome.value is None:
        return MetricValue(definition=definition, facts=facts, unavailable=outcome.missing)
    per_frame = None
    if outcome.per_frame is not None:
        per_frame = tuple(None if np.isnan(v) else float(v) for v in outcome.per_frame)
    return MetricValue(definition=definition, facts=facts, value=float(outcome.value), per_frame=per_frame)
