"""Cameras and face shape as the clip was rendered with, from the ground truth beside it: for studies of what a pose is worth.

A fit of landmarks has its own head space, close to this one; pictures drawn by the generator at a pose need the generator's.
"""

from __future__ import annotations

import numpy as np

from tfg.features.cameras import CameraFit
from tfg.features.pose_fit import project
from tfg.features.sidecar import read_sidecar
from tfg.landmarks import ANCHORS
from tfg.types import Cameras, Clip, InputError

FITTED, SIDECAR = "fitted", "sidecar"  # values of clip.cameras
CAMERAS = (FITTED, SIDECAR)
_OPTION = f"clip.cameras={SIDECAR}"


def check_cameras(cameras: object, crop: object, face: str) -> None:
    """InputError for values of `clip.cameras` that are none, or that do not go with `clip.crop` and `face`."""
    if cameras not in CAMERAS:
        raise InputError(f"clip.cameras={cameras}: allowed are {', '.join(CAMERAS)}")
    if cameras == SIDECAR and crop not in ("auto", "full"):
        raise InputError(f"{_OPTION}: is of the whole picture; leave out clip.crop={crop}")
    if cameras == SIDECAR and face != "sidecar":
        raise InputError(f"{_OPTION}: is of clips with ground truth; give face=sidecar, or clip.cameras={FITTED}")


def true_cameras(clip: Clip) -> CameraFit:
    """Of all frames of a clip of the project. InputError where it has no ground truth, or is cut to a part of its picture."""
    crop = clip.crop
    if (crop.x, crop.y, crop.side) != (0, 0, clip.source_width) or clip.source_width != clip.source_height:
        raise InputError(f"clip.crop: {_OPTION} is of the whole picture; give clip.crop=full, or clip.cameras={FITTED}")
    found = read_sidecar(
        clip, ("rotation", "translation", "focal", "face_shape", "landmarks"), _OPTION, f"clip.cameras={FITTED}"
    )
    cameras = Cameras(
        rotation=found["rotation"].astype(np.float32),
        translation=found["translation"].astype(np.float32),
        focal=float(found["focal"]) * clip.size / clip.source_width,
        size=clip.size,
    )
    shape, rows = found["face_shape"].astype(np.float32), list(ANCHORS)
    placed = project(
        cameras.rotation.astype(np.float64),
        cameras.translation.astype(np.float64),
        shape[rows].astype(np.float64),
        cameras.focal,
    )
    away = placed + clip.size / 2 - clip.to_clip(found["landmarks"])[:, rows]
    error = float(np.sqrt((away**2).sum(axis=-1).mean()))
    return CameraFit(cameras=cameras, face_shape=shape, error_pixels=error, unsmoothed_error_pixels=error)
