"""Portraits: all that a backbone gets of a run of frames, gathered from the features of a clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfg.features.background import clean_plate, fill_background
from tfg.features.base import FaceReader
from tfg.features.cameras import CameraFit, fit_cameras
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import locate, sample_frames
from tfg.features.face.gaps import fill_gaps
from tfg.types import FPS, Crop, FaceTrack, InputError, Portrait, Segment


def frame_face(features: ClipFeatures, crop: Crop | str) -> ClipFeatures:
    """The features of the same clip cut to a square: around the face (auto), the largest in the middle (full), or as given."""
    clip = features.clip
    if isinstance(crop, Crop):
        return replace(features, clip=replace(clip, crop=crop))
    if crop == "full" or features.face.name == "sidecar":  # whose clips the project rendered around the face
        return features
    samples = [features.face.extract(clip, frame, frame + 1) for frame in sample_frames(clip.num_reference_frames)]
    return replace(features, clip=replace(clip, crop=locate(clip, samples)))


def observe(features: ClipFeatures, segment: Segment, held_out: Segment) -> tuple[Portrait, Portrait, CameraFit]:
    """The training and the held-out portrait. Face shape, focal length and clean plate are the training part's."""
    clip = features.clip
    runs = (segment, held_out)
    tracks = [_one_face(features.track(run.start, run.stop), f"{clip.path}") for run in runs]
    numbers = [np.arange(run.start, run.stop) for run in runs]
    landmarks = [clip.to_clip(track.landmarks) for track in tracks]
    order = np.argsort(np.concatenate(numbers), kind="stable")
    frames_of_both = np.concatenate(numbers)[order]
    fit = fit_cameras(
        np.concatenate(landmarks)[order], clip.size, frames=frames_of_both, fitted=np.isin(frames_of_both, numbers[0])
    )
    sound = features.sound()
    plate = None
    portraits = []
    for run, track, points, frames in zip(runs, tracks, landmarks, numbers, strict=True):
        images, masks = clip.frames(run.start, run.stop), features.mask(run.start, run.stop)
        if plate is None:
            plate = clean_plate(images, masks.head)
        rows = np.searchsorted(frames_of_both, frames)
        portraits.append(
            Portrait(
                frames=frames,
                images=images,
                background=fill_background(images, masks.head, plate),
                head_mask=masks.head,
                mouth_mask=masks.mouth,
                landmarks=points,
                audio=sound[run.start : run.stop],
                upper=track.upper,
                cameras=fit.cameras.take(rows),
                face_shape=fit.face_shape,
            )
        )
    return portraits[0], portraits[1], fit


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

    The fit uses the whole part that may be trained on, whatever was selected, and never the held-out part.
    """
    if isinstance(features.face, FaceReader):
        return features.face
    from tfg.features.face.fitted import FittedLandmarks

    clip = features.clip
    stop = clip.num_reference_frames
    return FittedLandmarks.fit(clip.frames(0, stop), clip.to_clip(features.track(0, stop).landmarks))
