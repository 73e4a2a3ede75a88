"""Face features by MediaPipe's Face Landmarker: 68 landmarks, 52 blendshapes, head rotation; every frame on its own.

Because no frame depends on another, any range may be cached by frame. The result is not smoothed in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfg import assets
from tfg.features.quiet import quiet_stderr, survive_profiling
from tfg.landmarks import MESH_VERTICES
from tfg.types import UPPER_FACE, Bytes, Clip, FaceTrack, Floats, InputError

OPENGL_TO_OPENCV = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
_BYTES_AT_ONCE = 64_000_000  # source pictures held in memory
_FEWEST_PER_WORKER = 12  # a second landmarker costs about as much to build as reading this many frames


@dataclass(frozen=True, kw_only=True)
class MediaPipeFace:
    """FaceExtractor and FaceReader. Coordinates in pixels of the picture it is given, at its own resolution."""

    weights: str  # a name of `tfg assets`, or a path
    min_confidence: float  # of detection and of presence
    second_face_height: float  # a second face counts when at least this part of the tallest face's height
    workers: int  # threads with a landmarker each; the result does not depend on it
    name: str

    def __post_init__(self) -> None:
        if not 0 < self.min_confidence <= 1:
            raise InputError(f"face.min_confidence must lie in (0, 1], not {self.min_confidence}")
        if not 0 < self.second_face_height <= 1:
            raise InputError(f"face.second_face_height must lie in (0, 1], not {self.second_face_height}")
        if self.workers < 1:
            raise InputError(f"face.workers must be at least 1, not {self.workers}")

    @cached_property
    def path(self) -> Path:
        """The model file; InputError with the remedy where it is missing."""
        return assets.located(self.weights)

    @cached_property
    def definition(self) -> str:
        return (
            f"MediaPipe Face Landmarker ({self.path.name}, sha256 {assets.checksum(self.path)[:12]}), 478 mesh points "
            "reduced to 68, each picture on its own, no smoothing"
        )

    def extract(self, clip: Clip, start: int, stop: int) -> FaceTrack:
        """Frames [start, stop) of the clip's source pictures; coordinates in source pixels."""
        step = max(self.workers, _BYTES_AT_ONCE // (3 * clip.source_width * clip.source_height))
        ranges = [(a, min(a + step, stop)) for a in range(start, stop, step)]
        return self._track(start, stop - start, (clip.source_frames(a, b) for a, b in ranges))

    def sample(self, clip: Clip, frames: Sequence[int]) -> FaceTrack:
        """Single frames of the clip's source pictures, a row each; coordinates in source pixels."""
        blocks = [frames[first : first + self.workers] for first in range(0, len(frames), self.workers)]
        pictures = (np.concatenate([clip.source_frames(row, row + 1) for row in block]) for block in blocks)
        return self._track(frames[0], len(frames), pictures)

    @property
    def is_guided(self) -> bool:
        return False

    def read(self, images: Bytes, guide: Floats | None = None) -> FaceTrack:
        """Any pictures (n, height, width, 3), each on its own; coordinates in their pixels. The guide is not used."""
        return self._track(0, len(images), iter([images]))

    def _track(self, start: int, num_frames: int, blocks: Iterator[Bytes]) -> FaceTrack:
        track = FaceTrack.empty(start, num_frames)
        workers = max(1, min(self.workers, num_frames // _FEWEST_PER_WORKER))
        first = 0
        with _landmarkers(self.path, self.min_confidence, workers) as landmarkers, ThreadPoolExecutor(workers) as pool:
            for block in blocks:
                parts = np.array_split(np.arange(len(block)), workers)
                jobs = [
                    pool.submit(self._fill, track, first, block, rows, landmarker)
                    for rows, landmarker in zip(parts, landmarkers, strict=True)
                ]
                for job in jobs:
                    job.result()
                first += len(block)
        return track

    def _fill(self, track: FaceTrack, first: int, block: Bytes, rows: np.ndarray, landmarker: Any) -> None:
        import mediapipe

        for row in rows:
            picture = np.ascontiguousarray(block[row])
            result = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
            faces = [_points(face, picture.shape) for face in result.face_landmarks]
            best, count = _compare_faces(faces, self.second_face_height)
            track.num_faces[first + row] = count
            if count:
                shapes = np.array([shape.score for shape in result.face_blendshapes[best]], np.float32)
                names = [shape.category_name for shape in result.face_blendshapes[best]]
                matrix = np.asarray(result.facial_transformation_matrixes[best])[:3, :3]
                track.landmarks[first + row] = faces[best]
                track.blendshapes[first + row] = shapes
                track.upper[first + row] = shapes[[names.index(name) for name in UPPER_FACE]]
                track.head_rotation[first + row] = opencv_rotation(matrix)


def opencv_rotation(matrix: np.ndarray) -> Floats:
    """MediaPipe's head matrix (3, 3) (x right, y up, z to the viewer) -> rotation of `tfg/types.py`, scale removed."""
    left, _, right = np.linalg.svd(matrix)
    return (OPENGL_TO_OPENCV @ (left @ right) @ OPENGL_TO_OPENCV).astype(np.float32)


def _points(face: Any, shape: tuple[int, ...]) -> Floats:
    """(68, 2) pixels; MediaPipe's fractions run from the picture's left and top edges, so a pixel's centre is at 0.5."""
    height, width = shape[:2]
    return np.array([(face[vertex].x * width, face[vertex].y * height) for vertex in MESH_VERTICES], np.float32)


def _compare_faces(faces: list[Floats], second_face_height: float) -> tuple[int, int]:
    """Index of the tallest face, and how many are of comparable size; a second box on the same face does not count."""
    if not faces:
        return 0, 0
    heights = [np.ptp(face[:, 1]) for face in faces]
    best = int(np.argmax(heights))
    low, high = faces[best].min(axis=0), faces[best].max(axis=0)
    count = 1
    for index, face in enumerate(faces):
        middle = face.mean(axis=0)
        same = bool(np.all((middle > low) & (middle < high)))
        if index != best and not same and heights[index] >= second_face_height * heights[best]:
            count += 1
    return best, count


@contextmanager
def _landmarkers(path: Path, min_confidence: float, count: int) -> Iterator[list[Any]]:
    """`count` face landmarkers, closed at the end. They are stateless (IMAGE mode), hence built for each call."""
    import mediapipe
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(path)),
        running_mode=vision.RunningMode.IMAGE,
        num_faces=2,
        min_face_detection_confidence=min_confidence,
        min_face_presence_confidence=min_confidence,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    blank = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.zeros((64, 64, 3), np.uint8))
    landmarkers: list[Any] = []
    try:
        survive_profiling()
        with quiet_stderr():
            for _ in range(count):
                landmarkers.append(vision.FaceLandmarker.create_from_options(options))
                landmarkers[-1].detect(blank)
        yield landmarkers
    finally:
        for landmarker in landmarkers:
            landmarker.close()
