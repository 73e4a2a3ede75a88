"""Where the head is: one square crop for a whole clip, from the landmarks of a few frames spread over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfg.types import FPS, Clip, Crop, FaceTrack, InputError

NUM_SAMPLES = 12
ABOVE = 0.88  # of the landmarks' height (brows to chin): hair above the brows
BELOW = 0.32  # neck and collar under the chin; 0.88 + 1 + 0.32 = a side of 2.2 for a head that does not move
SMALLEST_SIDE = 1.8  # of the same height: a picture smaller than that is not cut further, its edge is replicated
SMALLEST_FACE = 48  # source pixels of the landmarks' height, under which lips are noise


def sample_frames(num_frames: int, count: int = NUM_SAMPLES) -> list[int]:
    """Frames to read: the middles of `count` equal stretches of the clip, fewer when it has fewer frames."""
    count = min(count, num_frames)
    return [int((i + 0.5) * num_frames / count) for i in range(count)]


def locate(clip: Clip, samples: Sequence[FaceTrack]) -> Crop:
    """The square that holds the head, its hair and a bit of torso in every sample, inside the picture where it fits.

    Whole source pixels. InputError where there is no face, more than one, or one too small to learn from.
    """
    numbers = np.concatenate([track.start + np.arange(len(track.num_faces)) for track in samples])
    faces = np.concatenate([track.num_faces for track in samples])
    _check(clip, numbers, faces)
    points = np.concatenate([track.landmarks for track in samples])[faces > 0]  # (n, 68, 2)
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    height = float(np.median(np.ptp(points[..., 1], axis=1)))
    if height < SMALLEST_FACE:
        raise InputError(
            f"{clip.path}: the face is {height:.0f} pixels from brows to chin, at least {SMALLEST_FACE} are needed; "
            "use a larger or closer picture"
        )
    wanted = max(high[1] - low[1] + (ABOVE + BELOW) * height, high[0] - low[0] + (ABOVE + BELOW) / 2 * height)
    smaller = min(clip.source_width, clip.source_height)
    side = round(min(float(wanted), max(smaller, SMALLEST_SIDE * height)))
    # A side cut short by the picture loses the same part above and below.
    top = low[1] - ABOVE * height + (wanted - side) * ABOVE / (ABOVE + BELOW)
    left = (low[0] + high[0] - side) / 2
    return Crop(
        x=_inside(float(left), side, clip.source_width), y=_inside(float(top), side, clip.source_height), side=side
    )


def read_crop(setting: object, clip: Clip) -> Crop | str:
    """`clip.crop` as auto, full, or a square [x, y, side] that lies in the picture at least in part; else InputError."""
    if setting in ("auto", "full"):
        return str(setting)
    if isinstance(setting, Sequence) and len(setting) == 3 and all(isinstance(v, int | float) for v in setting):
        x, y, side = (float(value) for value in setting)
        if side >= 16 and -side < x < clip.source_width and -side < y < clip.source_height:
            return Crop(x=x, y=y, side=side)
    raise InputError(
        f"clip.crop={setting}: give auto, full, or [x, y, side] in source pixels, a square of at least 16 in the picture of "
        f"{clip.source_width} x {clip.source_height}"
    )


def _check(clip: Clip, numbers: np.ndarray, faces: np.ndarray) -> None:
    if (faces > 1).any():
        frame = int(numbers[faces > 1][0])
        raise InputError(
            f"{clip.path}: {int(faces.max())} faces in frame {frame} ({frame / FPS:.1f} s); "
            "cut the video to one person, or crop the picture to one of them"
        )
    if not faces.any():
        raise InputError(
            f"{clip.path}: no face in {len(faces)} frames spread over the clip; give a video of one person, face to camera"
        )
    if (found := int((faces > 0).sum())) * 2 < len(faces):
        raise InputError(
            f"{clip.path}: a face in only {found} of {len(faces)} frames spread over the clip; cut away the parts without one"
        )


def _inside(first: float, side: int, length: int) -> float:
    """Nearest whole-pixel start that keeps [start, start + side) inside [0, length); centred where it does not fit."""
    if side >= length:
        return float((length - side) // 2)
    return float(round(min(max(first, 0.0), length - side)))
