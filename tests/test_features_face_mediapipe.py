"""The parts of the MediaPipe extractor that need no weights."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.parts import part

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.face.mediapipe import _compare_faces, opencv_rotation
from tfg.types import InputError


def test_nodding_down_in_opengl_is_nodding_down_in_opencv() -> None:
    # x right, y up, z to the viewer: turning about +x by 10 degrees sends the nose (+z) down (-y).
    nod = Rotation.from_euler("x", 10, degrees=True).as_matrix()
    assert (nod @ [0, 0, 1])[1] < 0
    nose = opencv_rotation(2.5 * nod) @ np.array([0, 0, -1])  # the nose points to the camera: -z in OpenCV
    np.testing.assert_allclose(nose, [0, np.sin(np.radians(10)), -np.cos(np.radians(10))], atol=1e-6)


def test_rotation_is_proper_whatever_the_scale() -> None:
    matrix = 3 * Rotation.from_euler("xyz", [20, -30, 5], degrees=True).as_matrix()
    rotation = opencv_rotation(matrix)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-6)


def test_a_second_face_counts_only_when_of_comparable_size_and_elsewhere() -> None:
    face = (GENERIC_SHAPE[:, :2] * 100).astype(np.float32)
    aside = np.array([300, 0], np.float32)
    assert _compare_faces([], 0.4) == (0, 0)
    assert _compare_faces([face * 0.5 + aside, face], 0.4) == (1, 2)
    assert _compare_faces([face, face * 0.3 + aside], 0.4) == (0, 1)
    assert _compare_faces([face, face + 5], 0.4) == (0, 1)


def test_options_out_of_range_name_their_key() -> None:
    with pytest.raises(InputError, match=r"face\.min_confidence"):
        part("face/mediapipe", min_confidence=0)
    with pytest.raises(InputError, match=r"face\.second_face_height"):
        part("face/mediapipe", second_face_height=1.5)
    with pytest.raises(InputError, match=r"face\.workers"):
        part("face/mediapipe", workers=0)
    with pytest.raises(InputError, match=r"nowhere\.task is not a file"):
        _ = part("face/mediapipe", weights="nowhere.task").path
