"""MediaPipe's mesh as 68 points, and the generic face."""

import numpy as np
import pytest

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.landmarks import MESH_VERTICES, eye_distance

MIRROR = (  # index of the point at the other side of a symmetric face, iBUG-68
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)


def test_every_landmark_has_its_own_mesh_vertex() -> None:
    assert len(MESH_VERTICES) == len(set(MESH_VERTICES)) == 68
    assert max(MESH_VERTICES) < 468


def test_generic_shape_is_symmetric_centred_and_of_unit_eye_distance() -> None:
    mirrored = GENERIC_SHAPE[list(MIRROR)] * np.array([-1, 1, 1])
    np.testing.assert_allclose(mirrored, GENERIC_SHAPE, atol=1e-4)  # the table has four decimals
    np.testing.assert_allclose(GENERIC_SHAPE.mean(axis=0), 0, atol=1e-4)
    assert eye_distance(GENERIC_SHAPE) == pytest.approx(1)


def test_generic_shape_lies_in_the_axes_of_head_space() -> None:
    chin, nose_tip, left_temple, right_temple = GENERIC_SHAPE[[8, 30, 0, 16]]
    assert chin[1] > 0.5  # down is positive
    assert nose_tip[2] < left_temple[2]  # the nose is nearer to the camera
    assert left_temple[0] < 0 < right_temple[0]
    assert np.abs(GENERIC_SHAPE).max() < 1
