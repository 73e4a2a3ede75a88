"""Points of the upper face that speech does not move, found in some frames and followed into those that look alike.

Corners of key frames are followed by pyramids of Lucas and Kanade (OpenCV), from the key frame itself, so that nothing drifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.features.pose_fit import Array
from tfg.landmarks import BROWS, EYE_CORNERS, LEFT_EYE, NOSE, NOSE_BRIDGE, NOSTRILS, RIGHT_EYE, eye_distance, indices
from tfg.types import Bools, Bytes, Floats

KEY_FRAMES = 12
CORNERS = 60  # of a key frame, at most
VIEWS = 3  # key frames that a frame is followed from, those of the nearest pose
RETURN = 0.5  # pixels by which a point followed back may miss where it came from
_WINDOW = 0.3  # eye distances, side of the patch that is followed
_APART = 0.06  # eye distances between corners
_FOREHEAD = 0.35  # eye distances above the brows
_QUALITY = 0.01  # of the best corner's
_CONTOUR = ((1, 2), (14, 15))  # cheekbones, left and right


Grey = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Keypoints:
    """K points, each seen in some of n frames."""

    places: Floats  # (n, K, 2) pixels of the picture; 0 where not seen
    seen: NDArray[np.bool_]  # (n, K)
    key: NDArray[np.int64]  # (K,) row of the frame it was found in

    @staticmethod
    def together(parts: Sequence[Keypoints]) -> Keypoints:
        """All points of several over the same frames."""
        return Keypoints(
            places=np.concatenate([part.places for part in parts], axis=1),
            seen=np.concatenate([part.seen for part in parts], axis=1),
            key=np.concatenate([part.key for part in parts]),
        )

    def take(self, points: NDArray[Any]) -> Keypoints:
        """Some of the points, by index or mask."""
        return Keypoints(places=self.places[:, points], seen=self.seen[:, points], key=self.key[points])


def greys(images: Bytes) -> Grey:
    """(n, height, width, 3) -> (n, height, width)."""
    import cv2

    return np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]).astype(np.uint8, copy=False)


def find_keypoints(grey: Grey, landmarks: Floats, rotation: Floats, fitted: Bools) -> Keypoints:
    """Of n pictures (n, size, size) with landmarks (n, 68, 2) in their pixels and poses (n, 3, 3).

    Some key frames are `fitted` (n,) ones and as many are others; what is followed from the first knows nothing of the second.
    """
    unit = float(np.median(eye_distance(landmarks[fitted])))
    away = _angles(rotation)
    groups = [np.flatnonzero(rows) for rows in (fitted, ~fitted) if rows.any()]
    return Keypoints.together(
        [_of_keys(grey, landmarks, away, rows[_spread(away[np.ix_(rows, rows)])], unit) for rows in groups]
    )


def _of_keys(grey: Grey, landmarks: Floats, away: Array, keys: NDArray[np.int64], unit: float) -> Keypoints:
    """The corners of key frames, followed into all frames that look like one of them."""
    corners = [_corners(grey[key], landmarks[key], unit) for key in keys]
    key = np.repeat(keys, [len(points) for points in corners])
    places = np.zeros((len(grey), len(key), 2), np.float32)
    seen = np.zeros(places.shape[:2], bool)
    window = max(7, round(_WINDOW * unit))
    nearest = np.argsort(away[:, keys], axis=1, kind="stable")[:, :VIEWS]
    start = 0
    for at, points in zip(keys, corners, strict=True):
        columns = slice(start, start + len(points))
        start += len(points)
        for row in np.flatnonzero((keys[nearest] == at).any(axis=1)) if len(points) else ():
            guess = _carried(points, landmarks[at], landmarks[row])
            places[row, columns], seen[row, columns] = _followed(grey[at], grey[row], points, guess, window)
    return Keypoints(places=places, seen=seen, key=key)


def _angles(rotation: Floats) -> Array:
    """(n, n) angles between poses in radians."""
    cosine = (np.einsum("nij,mij->nm", rotation, rotation) - 1) / 2
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))


def _spread(away: Array) -> NDArray[np.int64]:
    """Rows of KEY_FRAMES frames whose poses are far from each other, ascending: the most central first, then ever the farthest."""
    keys = [int(away.sum(axis=1).argmin())]
    while len(keys) < min(KEY_FRAMES, len(away)):
        keys.append(int(away[:, keys].min(axis=1).argmax()))
    return np.unique(keys)


def _corners(grey: Grey, landmarks: Floats, unit: float) -> Floats:
    """(m, 2) corners in the part of the face that does not deform."""
    import cv2

    def filled(points: Floats, value: int) -> None:
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), value)

    mask = np.zeros(grey.shape, np.uint8)
    brows = landmarks[BROWS]
    up = brows.mean(axis=0) - landmarks[list(NOSTRILS)].mean(axis=0)
    up /= np.linalg.norm(up)
    middle = landmarks[list(NOSE_BRIDGE)].mean(axis=0)
    sides = np.stack([landmarks[list(pair)].mean(axis=0) for pair in _CONTOUR])
    sides = sides + 0.15 * (middle - sides)  # the contour itself is no point of the face
    filled(np.concatenate([sides, brows + _FOREHEAD * unit * up, landmarks[list(NOSTRILS)]]), 255)
    for eye in (LEFT_EYE, RIGHT_EYE):
        center = landmarks[eye].mean(axis=0)
        filled(center + 1.5 * (landmarks[eye] - center), 0)
    for brow in (brows[:5], brows[5:]):
        cv2.polylines(mask, [np.round(brow).astype(np.int32)], False, 0, max(1, round(0.12 * unit)))
    found = cv2.goodFeaturesToTrack(grey, CORNERS, _QUALITY, _APART * unit, mask=mask)
    return np.zeros((0, 2), np.float32) if found is None else found[:, 0].astype(np.float32)


def _carried(points: Floats, source: Floats, target: Floats) -> Floats:
    """Where points (m, 2) of the source's face would be in the target's if the face were flat: an affine map of the anchors."""
    rows = list(indices(NOSE, EYE_CORNERS))
    known = np.concatenate([source[rows], np.ones((len(rows), 1))], axis=1)
    affine, *_ = np.linalg.lstsq(known, target[rows], rcond=None)
    return (np.concatenate([points, np.ones((len(points), 1))], axis=1) @ affine).astype(np.float32)


def _followed(
    source: Grey, target: Grey, points: Floats, guess: Floats, window: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Places (m, 2) of points of the source in the target, and which of them lead back to where they came from."""
    import cv2

    def follow(source: Grey, target: Grey, points: Floats, guess: Floats) -> Any:
        return cv2.calcOpticalFlowPyrLK(
            source,
            target,
            points[:, None],
            guess[:, None].copy(),
            winSize=(window, window),
            maxLevel=2,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
            criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
        )

    there, known, _ = follow(source, target, points, guess)
    back, again, _ = follow(target, source, there[:, 0], there[:, 0] - (guess - points))  # as unsure as the way there
    missed = np.linalg.norm(back[:, 0] - points, axis=1)
    seen = (known[:, 0] == 1) & (again[:, 0] == 1) & (missed < RETURN)
    return np.where(seen[:, None], there[:, 0], 0), seen
