"""Camera poses of real people from MediaPipe's landmarks."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.parts import part

from tfg.clip.read import read_clip
from tfg.features.cameras import fit_cameras
from tfg.features.face.crop import locate

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]


@pytest.mark.parametrize(
    ("name", "runs"),
    [("grid_s1_79clips_237s.mp4", [(60, 90), (5400, 5420)]), ("German_20s.mp4", [(100, 130), (454, 474)])],
)
def test_training_and_held_out_frames_share_one_face_to_a_quarter_of_a_pixel(
    name: str, runs: list[tuple[int, int]]
) -> None:
    clip = read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / name, size=128)
    face = part("face/mediapipe")
    tracks = [face.extract(clip, start, stop) for start, stop in runs]
    clip = replace(clip, crop=locate(clip, tracks))
    landmarks = clip.to_clip(np.concatenate([track.landmarks for track in tracks]))
    frames = np.concatenate([np.arange(start, stop) for start, stop in runs])
    fit = fit_cameras(landmarks, clip.size, frames=frames)
    assert fit.unsmoothed_error_pixels < fit.error_pixels < 0.25
    assert 1.5 * 128 < fit.focal < 4 * 128
    assert np.abs(fit.cameras.translation[:, :2]).max() < 1  # the head is near the middle of its crop
    # MediaPipe's own head pose, which assumes another camera, turns the same way.
    theirs = np.concatenate([track.head_rotation for track in tracks])
    ours, theirs = (Rotation.from_matrix(r).as_euler("YXZ", degrees=True) for r in (fit.cameras.rotation, theirs))
    for axis in range(3):
        assert np.corrcoef(ours[:, axis], theirs[:, axis])[0, 1] > 0.8
