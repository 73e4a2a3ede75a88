"""Known edits of real footage: what each does to pictures or sound is known exactly, so what a metric should say is known too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfg.landmarks import ANCHORS, EYES, MOUTH, NOSE_TIP
from tfg.metrics.blink import eye_aspect_ratio
from tfg.types import SAMPLES_PER_FRAME, Bytes, Floats

MARGIN = 8  # frames of the clip known on either side of the footage, for edits that come late
SEED = 4


@dataclass(frozen=True, kw_only=True)
class Footage:
    """n frames of a real clip with a margin on either side, and what else edits need."""

    pictures: Bytes  # (MARGIN + n + MARGIN, height, width, 3)
    sound: Floats  # the same frames, 640 samples each
    landmarks: Floats  # (n, 68, 2) of the n frames
    stranger: Bytes | None  # (m, height, width, 3) another person, m at least 2
    other_sound: Floats | None  # (n * 640,) other words of the same person

    @property
    def truth(self) -> Bytes:
        return self.pictures[MARGIN:-MARGIN]

    @property
    def audio(self) -> Floats:
        """(n * 640,)."""
        return self.sound[MARGIN * SAMPLES_PER_FRAME : -MARGIN * SAMPLES_PER_FRAME]


Change = Callable[[Footage], Bytes]
Resound = Callable[[Footage], Floats]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A prediction made from the truth: its pictures changed, or the sound it is scored with."""

    name: str
    change: Change | None = None
    resound: Resound | None = None


def edits(footage: Footage) -> list[Edit]:
    """All that this footage allows, the unchanged truth first."""
    made = [
        Edit(name="none"),
        *(Edit(name=f"blur {sigma}", change=blur(sigma)) for sigma in (1, 2)),
        *(Edit(name=f"noise {level}", change=noise(level)) for level in (4, 8)),
        Edit(name="brightness +5", change=brighter(5)),
        *(Edit(name=f"shift {pixels}", change=jitter(pixels=pixels)) for pixels in (1, 2)),
        *(Edit(name=f"tilt {degrees}", change=jitter(degrees=degrees)) for degrees in (1, 2)),
        Edit(name="frozen mouth", change=held(MOUTH, lambda landmarks: 0)),
        Edit(name="frozen eyes", change=held(EYES, lambda landmarks: int(eye_aspect_ratio(landmarks).argmax()))),
        *(Edit(name=f"pictures late {frames}", change=late(frames)) for frames in (1, 4, 8)),
    ]
    if footage.other_sound is not None:
        made += [Edit(name=f"sound late {frames}", resound=late_sound(frames)) for frames in (1, 4, 8)]
        made += [Edit(name="other sound", resound=other_sound)]
    if footage.stranger is not None:
        made += [Edit(name="other person", change=stranger)]
    return made


def blur(sigma: float) -> Change:
    """Gaussian blur of every frame."""

    def change(footage: Footage) -> Bytes:
        import cv2

        return np.stack([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in footage.truth])

    return change


def noise(level: float) -> Change:
    """New Gaussian noise in every frame, of this standard deviation in grey levels."""

    def change(footage: Footage) -> Bytes:
        rng = np.random.default_rng(SEED)
        made = np.empty_like(footage.truth)
        for row, picture in zip(made, footage.truth, strict=True):
            row[:] = _rounded(picture + rng.normal(0, level, picture.shape))
        return made

    return change


def brighter(levels: int) -> Change:
    """The same grey levels more everywhere: an error that does not move."""

    def change(footage: Footage) -> Bytes:
        return np.minimum(footage.truth.astype(np.int16) + levels, 255).astype(np.uint8)

    return change


def jitter(*, pixels: float = 0.0, degrees: float = 0.0) -> Change:
    """A new random shift within +-pixels each way and tilt within +-degrees about the nose in every frame."""

    def change(footage: Footage) -> Bytes:
        import cv2

        rng = np.random.default_rng(SEED)
        made = np.empty_like(footage.truth)
        height, width = made.shape[1:3]
        for row, picture, points in zip(made, footage.truth, footage.landmarks, strict=True):
            x, y = points[NOSE_TIP].tolist()
            matrix = cv2.getRotationMatrix2D((x, y), degrees * rng.uniform(-1, 1), 1.0)
            matrix = matrix + np.pad(pixels * rng.uniform(-1, 1, (2, 1)), ((0, 0), (2, 0)))
            row[:] = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return made

    return change


def held(part: slice, choose: Callable[[Floats], int]) -> Change:
    """These landmarks' region as in one frame, moved with the head by eyes and nose, with a soft edge."""

    def change(footage: Footage) -> Bytes:
        import cv2

        landmarks, frame = footage.landmarks, choose(footage.landmarks)
        source = footage.truth[frame].astype(np.float32)
        height, width = source.shape[:2]
        opening = float(np.ptp(landmarks[frame, MOUTH, 0]))  # the mouth's width in pixels
        mask = np.zeros((height, width), np.float32)
        cv2.fillConvexPoly(mask, cv2.convexHull(landmarks[frame, part].astype(np.int32)), 1.0)
        reach = int(0.25 * opening)
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        mask = cv2.GaussianBlur(mask, (0, 0), 0.08 * opening)
        made = np.empty_like(footage.truth)
        for row, picture, points in zip(made, footage.truth, landmarks, strict=True):
            matrix = cv2.estimateAffinePartial2D(
                landmarks[frame, list(ANCHORS)], points[list(ANCHORS)], method=cv2.LMEDS
            )[0]
            patch, soft = (cv2.warpAffine(image, matrix, (width, height)) for image in (source, mask))
            row[:] = _rounded(picture + soft[:, :, None] * (patch - picture))
        return made

    return change


def late(frames: int) -> Change:
    """The clip's pictures of so many frames before."""

    def change(footage: Footage) -> Bytes:
        return footage.pictures[MARGIN - frames : len(footage.pictures) - MARGIN - frames]

    return change


def late_sound(frames: int) -> Resound:
    """The clip's sound of so many frames before, under the unchanged pictures."""

    def resound(footage: Footage) -> Floats:
        before = (MARGIN - frames) * SAMPLES_PER_FRAME
        return footage.sound[before : before + len(footage.audio)]

    return resound


def other_sound(footage: Footage) -> Floats:
    assert footage.other_sound is not None
    return footage.other_sound


def stranger(footage: Footage) -> Bytes:
    """Another person's pictures, played to and fro."""
    assert footage.stranger is not None
    there = np.arange(len(footage.stranger))
    return footage.stranger[np.resize(np.concatenate([there, there[-2:0:-1]]), len(footage.truth))]


def _rounded(picture: Floats) -> Bytes:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
