"""Masks by MediaPipe's selfie segmenter (who is in the picture) and the face landmarks (where the head ends)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfg import assets
from tfg.features.base import Masks
from tfg.features.masks.regions import head_region, mouth_region
from tfg.features.quiet import quiet_stderr, survive_profiling
from tfg.types import Bools, Bytes, Clip, FaceTrack, Floats, InputError

NETWORK_SIZE = 256  # pixels of the segmenter's input, the clip's crop
_FRAMES_AT_ONCE = 64
_FEWEST_PER_WORKER = 12


@dataclass(frozen=True, kw_only=True)
class MediaPipeMasks:
    """MaskExtractor. Every frame on its own; what is stable in time comes from the landmarks."""

    weights: str  # a name of `tfg assets`, or a path
    threshold: float  # of the person's confidence; at 0.5 the rim of the hair is lost
    workers: int  # threads with a segmenter each; the result does not depend on it
    name: str

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise InputError(f"masks.threshold must lie in (0, 1), not {self.threshold}")
        if self.workers < 1:
            raise InputError(f"masks.workers must be at least 1, not {self.workers}")

    @cached_property
    def path(self) -> Path:
        """The model file; InputError with the remedy where it is missing."""
        return assets.located(self.weights)

    def extract(self, clip: Clip, start: int, stop: int, track: FaceTrack) -> Masks:
        """Frames [start, stop) at `clip.size`; `track` covers them. A frame without landmarks takes the nearest frame's."""
        landmarks = nearest_known(clip.to_clip(track.landmarks))[start - track.start : stop - track.start]
        shape = (stop - start, clip.size, clip.size)
        head, mouth, torso = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape, bool)
        for first in range(start, stop, _FRAMES_AT_ONCE):
            last = min(first + _FRAMES_AT_ONCE, stop)
            rows = slice(first - start, last - start)
            person = self._person(clip.reader.frames(first, last, clip.crop, NETWORK_SIZE), clip.size)
            for row, points in enumerate(landmarks[rows], start=first - start):
                if np.isfinite(points).all():
                    head[row] = person[row - rows.start] & head_region(points, clip.size)
                    mouth[row] = mouth_region(points, clip.size)
                    head[row] |= mouth[row]
            torso[rows] = person & ~head[rows]
        return Masks(head=head, mouth=mouth, torso=torso)

    def _person(self, images: Bytes, size: int) -> Bools:
        """(n, 256, 256, 3) -> (n, size, size)."""
        workers = max(1, min(self.workers, len(images) // _FEWEST_PER_WORKER))
        parts = np.array_split(images, workers)
        with _segmenters(self.path, workers) as segmenters, ThreadPoolExecutor(workers) as pool:
            confidence = list(pool.map(_confidence, parts, segmenters, [size] * workers))
        return np.concatenate(confidence) > self.threshold


def nearest_known(landmarks: Floats) -> Floats:
    """(n, 68, 2) with NaN rows replaced by the nearest row in time; all NaN where there is none."""
    known = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
    if not len(known):
        return landmarks
    rows = np.arange(len(landmarks))
    return landmarks[known[np.abs(rows[:, None] - known).argmin(axis=1)]]


def _confidence(images: Bytes, segmenter: Any, size: int) -> Floats:
    import cv2
    import mediapipe

    maps = []
    for image in images:
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        confidence = segmenter.segment(picture).confidence_masks[0].numpy_view()
        interpolation = cv2.INTER_AREA if size < NETWORK_SIZE else cv2.INTER_LINEAR
        maps.append(cv2.resize(np.ascontiguousarray(confidence[..., 0]), (size, size), interpolation=interpolation))
    return np.stack(maps)


@contextmanager
def _segmenters(path: Path, count: int) -> Iterator[list[Any]]:
    """`count` segmenters, closed at the end."""
    import mediapipe
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=str(path)),
        running_mode=vision.RunningMode.IMAGE,
        output_confidence_masks=True,
        output_category_mask=False,
    )
    blank = mediapipe.Image(
        image_format=mediapipe.ImageFormat.SRGB, data=np.zeros((NETWORK_SIZE, NETWORK_SIZE, 3), np.uint8)
    )
    segmenters: list[Any] = []
    try:
        survive_profiling()
        with quiet_stderr():
            for _ in range(count):
                segmenters.append(vision.ImageSegmenter.create_from_options(options))
                segmenters[-1].segment(blank)
        yield segmenters
    finally:
        for segmenter in segmenters:
            segmenter.close()
