"""Head poses of candidates and of the whole training part, from the face extractor's own rotations and landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import ANCHORS, eye_distance
from tfg.selectors.base import Candidates
from tfg.selectors.faces import clear_frames
from tfg.types import FaceTrack, Floats, InputError


def clear_rotations(track: FaceTrack, where: str) -> Floats:
    """(m, 3, 3) of the frames with one clear face; InputError, opened by `where`, where the extractor gives no rotation."""
    rotations = track.head_rotation[clear_frames(track)]
    if not np.isfinite(rotations).all():
        raise InputError(f"{where}: its faces were read without the head's rotation; use face=mediapipe")
    return rotations


def sampled_rotations(candidates: Candidates, count: int) -> Floats:
    """Of `count` frames spread evenly over the training part, those with one clear face; InputError where none has."""
    total = candidates.num_reference_frames
    frames = sorted({int((number + 0.5) * total / count) for number in range(count)})
    if candidates.sample is None:
        parts = [clear_rotations(candidates.face(frame, frame + 1), candidates.where) for frame in frames]
        rotations = np.concatenate(parts)
    else:
        rotations = clear_rotations(candidates.sample(frames), candidates.where)
    if not len(rotations):
        raise InputError(
            f"{candidates.where}: none of {len(frames)} frames spread over its training part shows one clear face; use a clip "
            "that shows one face throughout, or raise selector.sampled_frames"
        )
    return rotations


def pose_numbers(track: FaceTrack, where: str) -> NDArray[np.float64]:
    """(m, 6) of the frames with one clear face: the turn from their mean rotation, place and size of the head in the picture.

    A turn is sin(angle) times its axis; place (x, y) and the logarithm of size are of points that speech does not move, in
    outer eye distances of the run's median.
    """
    rotations = clear_rotations(track, where).astype(np.float64)
    left, _, right = np.linalg.svd(rotations.mean(axis=0))
    turned = rotations @ (left @ right).T
    turns = np.stack([turned[:, i, j] - turned[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=1) / 2
    landmarks = track.landmarks[clear_frames(track)].astype(np.float64)
    anchors = landmarks[:, list(ANCHORS)]
    middle = anchors.mean(axis=1)
    size = np.sqrt(((anchors - middle[:, None]) ** 2).sum(axis=2).mean(axis=1))
    return np.concatenate([turns, middle / np.median(eye_distance(landmarks)), np.log(size)[:, None]], axis=1)
