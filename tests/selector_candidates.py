"""Candidates made by hand for the selector tests: given features and landmarks, and a record of what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tfg.selectors.base import Candidates
from tfg.types import FaceTrack, Floats


def face_track(
    landmarks: Floats, start: int, num_faces: np.ndarray | None = None, rotation: np.ndarray | None = None
) -> FaceTrack:
    """A track of one face that looks ahead unless given otherwise; rows without a face are NaN as the contract says."""
    count = len(landmarks)
    faces = np.ones(count, np.int64) if num_faces is None else num_faces.astype(np.int64)
    return FaceTrack(
        start=start,
        num_faces=faces,
        landmarks=np.where(faces[:, None, None] == 0, np.nan, landmarks).astype(np.float32),
        upper=np.zeros((count, 7), np.float32),
        blendshapes=np.full((count, 52), np.nan, np.float32),
        head_rotation=np.repeat(np.eye(3)[None], count, axis=0) if rotation is None else rotation,
    )


@dataclass
class Watched:
    """Features and landmarks of a training part that refuse to be read beyond it and remember what was read."""

    audio: Floats  # (frames, channels)
    landmarks: Floats  # (frames, 68, 2)
    num_faces: np.ndarray | None = None  # (frames,)
    rotation: np.ndarray | None = None  # (frames, 3, 3)
    audio_reads: int = 0
    face_reads: list[tuple[int, int]] = field(default_factory=list)

    def candidates(self, starts: tuple[int, ...], num_frames: int, voiced: Callable | None = None) -> Candidates:
        return Candidates(
            starts=starts,
            num_frames=num_frames,
            num_reference_frames=len(self.audio),
            audio=self._audio,
            face=self._face,
            voiced=voiced,
        )

    def frames_read(self) -> list[int]:
        return [frame for start, stop in self.face_reads for frame in range(start, stop)]

    def _audio(self) -> Floats:
        self.audio_reads += 1
        return self.audio

    def _face(self, start: int, stop: int) -> FaceTrack:
        assert 0 <= start < stop <= len(self.landmarks), f"frames [{start}, {stop}) reach beyond the training part"
        self.face_reads.append((start, stop))
        faces, rotation = (None if values is None else values[start:stop] for values in (self.num_faces, self.rotation))
        return face_track(self.landmarks[start:stop], start, faces, rotation)


def face_points() -> Floats:
    """(68, 2) a still face with eyes 60 apart; its lips are 20 points on an ellipse around (200, 250)."""
    points = np.full((68, 2), 200.0)
    points[[36, 45], 0] = 170, 230
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    points[48:68] = np.stack([200 + 30 * np.cos(angle), 250 + 15 * np.sin(angle)], axis=1)
    return points.astype(np.float32)


def opening_mouth(opening: np.ndarray) -> Floats:
    """(frames,) -> (frames, 68, 2): the lips' ellipse is stretched by the factor 1 + opening; the head is still."""
    points = np.repeat(face_points()[None], len(opening), axis=0).astype(np.float64)
    center = points[:, 48:68].mean(axis=1, keepdims=True)
    points[:, 48:68] = center + (points[:, 48:68] - center) * (1 + opening)[:, None, None]
    return points.astype(np.float32)
