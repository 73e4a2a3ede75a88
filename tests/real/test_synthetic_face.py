"""The embedded clip's person is a face to MediaPipe, and its mouth is a mouth."""

import os
from pathlib import Path

import numpy as np
import pytest
from support.parts import embedded_clip, part

from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.types import UPPER_FACE

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no MediaPipe weights"),
]


def opening(landmarks: np.ndarray) -> np.ndarray:
    return np.linalg.norm(landmarks[:, 62] - landmarks[:, 66], axis=1)


@pytest.mark.parametrize("identity_seed", [0, 1, 3])
def test_one_face_is_found_and_its_landmarks_agree_with_the_truth(identity_seed: int, tmp_path: Path) -> None:
    spec = embedded_clip(identity_seed=identity_seed, motion_seed=identity_seed, seconds=8)
    path = make_synthetic(spec, tmp_path)
    clip = read_clip(path, size=spec.size)
    track = part("face/mediapipe").extract(clip, 0, clip.num_frames)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        truth = dict(file)
    seen = track.num_faces == 1
    assert seen.mean() >= 0.95
    assert np.corrcoef(opening(track.landmarks[seen]), opening(truth["landmarks"][seen]))[0, 1] >= 0.8
    for eye in ("eyeBlinkLeft", "eyeBlinkRight"):
        column = UPPER_FACE.index(eye)
        assert np.corrcoef(track.upper[seen, column], truth["upper"][seen, column])[0, 1] >= 0.8
    error = np.linalg.norm(track.landmarks[seen, 17:] - truth["landmarks"][seen, 17:], axis=-1)
    assert error.mean() < 0.02 * spec.size  # 2.5 pixels of a face 50 pixels wide
