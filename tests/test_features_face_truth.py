"""Features of a short embedded clip against its own ground truth: cameras, masks, background, fitted lips."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.parts import embedded_clip, part

from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.features.background import clean_plate, fill_background, widen
from tfg.features.cameras import RIGID_POINTS, fit_cameras
from tfg.features.face.fitted import FittedLandmarks
from tfg.features.pose_fit import project
from tfg.features.sidecar import read_sidecar
from tfg.landmarks import eye_distance, mouth_opening
from tfg.types import Cameras, Clip, Floats


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = make_synthetic(embedded_clip(seconds=5.6, size=96), Path(tmp_path_factory.mktemp("clips")))
    return read_clip(path, size=96)


@pytest.fixture(scope="module")
def landmarks(clip: Clip) -> Floats:
    return clip.to_clip(part("face/sidecar").extract(clip, 0, clip.num_frames).landmarks)


def true_cameras(clip: Clip) -> tuple[Cameras, Floats]:
    """The cameras that rendered the frames of the whole picture, and the face shape (68, 3)."""
    truth = read_sidecar(clip, ("rotation", "translation", "focal", "face_shape"), "face=sidecar")
    assert clip.size == clip.source_width
    cameras = Cameras(
        rotation=truth["rotation"], translation=truth["translation"], focal=float(truth["focal"]), size=clip.size
    )
    return cameras, truth["face_shape"]


def test_the_true_cameras_explain_the_true_landmarks(clip: Clip, landmarks: Floats) -> None:
    truth, shape = true_cameras(clip)
    rigid, weights = list(RIGID_POINTS), list(RIGID_POINTS.values())
    away = project(truth.rotation, truth.translation, shape[rigid], truth.focal) + clip.size / 2 - landmarks[:, rigid]
    squared = np.average((away**2).sum(axis=-1).mean(axis=0), weights=weights)
    assert np.sqrt(squared) < 0.15  # pixels; nostrils follow the lip a little
    assert eye_distance(shape) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(shape.mean(axis=0), 0, atol=1e-3)


def test_the_fit_finds_the_true_rotations_of_a_rendered_head(clip: Clip, landmarks: Floats) -> None:
    truth, _ = true_cameras(clip)
    fit = fit_cameras(landmarks, clip.size)
    assert fit.error_pixels < 0.15
    ours, true = (Rotation.from_matrix(c.rotation).as_euler("YXZ", degrees=True) for c in (fit.cameras, truth))
    for axis in range(3):
        assert np.corrcoef(ours[:, axis], true[:, axis])[0, 1] > 0.98
        # Turning less in front of a deeper face looks almost the same: the amplitude is known to a quarter only.
        assert np.polyfit(true[:, axis], ours[:, axis], 1)[0] == pytest.approx(1, abs=0.25)
    assert np.abs(fit.cameras.translation[:, 2] / fit.focal * truth.focal / truth.translation[:, 2] - 1).max() < 0.1


def test_the_fitted_reader_follows_the_lips_of_frames_it_has_not_seen(clip: Clip, landmarks: Floats) -> None:
    images = clip.frames(0, clip.num_frames)
    reader = FittedLandmarks.fit(images[:110], landmarks[:110])
    found = reader.landmarks(images[110:], landmarks[110:])
    assert np.corrcoef(mouth_opening(found), mouth_opening(landmarks[110:]))[0, 1] > 0.9


def test_true_masks_hold_the_face_and_the_background_loses_it(clip: Clip, landmarks: Floats) -> None:
    masks = part("masks/sidecar").extract(clip, 0, 50, part("face/sidecar").extract(clip, 0, 50))
    for row in (0, 25, 49):
        x, y = landmarks[row, 27:].astype(int).T  # nose, eyes, mouth
        assert masks.head[row, y, x].all()
    assert not (masks.head & masks.torso).any()
    assert not (masks.mouth & ~masks.head).any()
    images = clip.frames(0, 50)
    filled = fill_background(images, masks.head, clean_plate(images, masks.head))
    outside = ~widen(masks.head)
    np.testing.assert_array_equal(filled[outside], images[outside])
    assert np.abs(filled.astype(int) - images)[masks.head].mean() > 20  # the head is gone
