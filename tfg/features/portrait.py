"""Portraits: all that a backbone gets of a run of frames, gathered from the features of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from tfg.features.background import Plate, clean_plate, fill_background
from tfg.features.base import FaceReader, Masks
from tfg.features.cameras import CameraFit, fit_cameras
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import locate, sample_frames
from tfg.features.face.gaps import fill_gaps
from tfg.features.keypoints import find_keypoints, greys
from tfg.features.stabilise import stabilised
from tfg.types import FPS, Bytes, Cameras, Crop, FaceTrack, Floats, InputError, Portrait, Segment

READER_FRAMES = 1000  # evenly spread over the training part, to fit and measure a reader on


def frame_face(features: ClipFeatures, crop: Crop | str) -> ClipFeatures:
    """The features of the same clip cut to a square: around the face (auto), the largest in the middle (full), or as given."""
    clip = features.clip
    if isinstance(crop, Crop):
        return replace(features, clip=replace(clip, crop=crop))
    if crop == "full" or features.face.name == "sidecar":  # whose clips the project rendered around the face
        return features
    return replace(features, clip=replace(clip, crop=locate(clip, _samples(features))))


def _samples(features: ClipFeatures) -> list[FaceTrack]:
    """The face in single frames spread over the training part, kept in the cache: whoever needs the crop reads them once."""
    frames = sample_frames(features.clip.num_reference_frames)
    track = features.sampled("samples of the crop", frames)
    return [replace(track.take(slice(row, row + 1)), start=frame) for row, frame in enumerate(frames)]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was read of a run of frames: all of a portrait but its poses, for which both parts are needed."""

    frames: NDArray[np.int64]  # (n,) of the clip
    images: Bytes  # (n, size, size, 3)
    masks: Masks
    background: Bytes  # (n, size, size, 3) the plate is the training part's
    plate: Plate
    landmarks: Floats  # (n, 68, 2) pixels of the picture
    upper: Floats  # (n, 7)
    audio: Floats  # (n, channels)


def observe(features: ClipFeatures, run: Segment, plate: Plate | None = None, *, silent: bool = False) -> Observed:
    """Faces, masks, pictures and sound of the training part, or with its `plate` of the held-out part. Silent: of no channel.

    A frame without a face is bridged from the frames around it in its own piece.
    """
    clip, pieces = features.clip, [(piece.start, piece.stop) for piece in run.pieces]
    tracks = [_one_face(features.track(*piece), f"{clip.path}") for piece in pieces]
    images = _one_after_another([clip.frames(*piece) for piece in pieces])
    found = [features.mask(*piece) for piece in pieces]
    masks = Masks(
        **{item.name: _one_after_another([getattr(one, item.name) for one in found]) for item in fields(Masks)}
    )
    plate = clean_plate(images, masks.head) if plate is None else plate
    return Observed(
        frames=run.frames,
        images=images,
        masks=masks,
        background=fill_background(images, masks.head, plate),
        plate=plate,
        landmarks=clip.to_clip(_one_after_another([track.landmarks for track in tracks])),
        upper=_one_after_another([track.upper for track in tracks]),
        audio=np.empty((run.num_frames, 0), np.float32) if silent else features.sound()[run.frames],
    )


def _one_after_another(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of several pieces; those of one are not copied, pictures of minutes fill memory."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def portraits(
    train: Observed, held_out: Observed, size: int, *, stabilise: bool, known: CameraFit | None = None
) -> tuple[Portrait, Portrait, CameraFit]:
    """The training and the held-out portrait of `size` x `size` pictures. Face shape and focal length are the training part's.

    `stabilise`: poses also by the texture of the upper face. `known`: the cameras of all frames of the clip; then nothing is fitted.
    """
    if known is not None:
        train_cameras, test_cameras = (known.cameras.take(part.frames) for part in (train, held_out))
        shape = known.face_shape
        return _portrait(train, train_cameras, shape), _portrait(held_out, test_cameras, shape), known
    numbers = np.concatenate([train.frames, held_out.frames])
    order = np.argsort(numbers, kind="stable")
    landmarks = np.concatenate([train.landmarks, held_out.landmarks])[order]
    fitted = np.isin(numbers[order], train.frames)
    fit = fit_cameras(landmarks, size, frames=numbers[order], fitted=fitted)
    if stabilise:
        grey = np.concatenate([greys(train.images), greys(held_out.images)])[order]
        points = find_keypoints(grey, landmarks, fit.cameras.rotation, fitted)
        fit = stabilised(fit, landmarks, points, numbers[order], fitted)

    def posed(part: Observed) -> Portrait:
        return _portrait(part, fit.cameras.take(np.searchsorted(numbers[order], part.frames)), fit.face_shape)

    return posed(train), posed(held_out), fit


def portrait_alone(observed: Observed, size: int) -> Portrait:
    """A portrait of these frames alone: poses, face shape and focal length are theirs."""
    fit = fit_cameras(observed.landmarks, size, frames=observed.frames)
    return _portrait(observed, fit.cameras, fit.face_shape)


def _portrait(part: Observed, cameras: Cameras, face_shape: Floats) -> Portrait:
    return Portrait(
        frames=part.frames,
        images=part.images,
        background=part.background,
        head_mask=part.masks.head,
        mouth_mask=part.masks.mouth,
        landmarks=part.landmarks,
        audio=part.audio,
        upper=part.upper,
        cameras=cameras,
        face_shape=face_shape,
    )


def _one_face(track: FaceTrack, where: str) -> FaceTrack:
    """Gaps of up to five frames bridged; a second face is an error that names the frame."""
    if (track.num_faces > 1).any():
        frame = track.start + int(np.argmax(track.num_faces > 1))
        raise InputError(
            f"{where}: {int(track.num_faces.max())} faces in frame {frame} ({frame / FPS:.1f} s); "
            "cut the video to one person, or crop the picture to one of them"
        )
    return fill_gaps(track, where=where)


def face_reader(features: ClipFeatures) -> FaceReader:
    """Reads landmarks off renderings: the face extractor itself, or for a clip with known truth a reader fitted to that truth.

    The fit uses frames of the whole part that may be trained on, whatever was selected, and none of the held-out part.
    """
    if isinstance(features.face, FaceReader):
        return features.face
    from tfg.features.face.fitted import FittedLandmarks

    clip = features.clip
    stop = clip.num_reference_frames
    rows = np.unique(np.linspace(0, stop - 1, READER_FRAMES).round().astype(int))
    block = 10 * FPS  # of the clip in memory at once
    images = [
        clip.frames(first, min(first + block, stop))[rows[(rows >= first) & (rows < first + block)] - first]
        for first in range(0, stop, block)
    ]
    return FittedLandmarks.fit(np.concatenate(images), clip.to_clip(features.track(0, stop).landmarks[rows]))
