"""Heads of ICT-FaceKit: placed in head space by their landmarks, parts that are no head; on an egg with the model's vertices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from tfg import assets
from tfg.clip.synthetic.kernel import fastest
from tfg.landmarks import CHIN, OUTER_EYE_CORNERS
from tfg.multiview.base import Sides
from tfg.multiview.ict import Ict, IctHead, vertex_normals
from tfg.multiview.ict_model import EXPRESSIONS, LANDMARKS, SHOWN, IctModel, _read, neck, scalp
from tfg.types import NUM_LANDMARKS, InputError


@pytest.fixture(scope="module")
def egg() -> IctModel:
    """All vertices on an ellipsoid about as large as a head, in centimetres."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((SHOWN, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    triangles = ConvexHull(directions).simplices.astype(np.int64)
    first, second, third = (directions[triangles[:, corner]] for corner in range(3))
    inwards = (np.cross(second - first, third - first) * first).sum(axis=1) > 0
    triangles[inwards] = triangles[inwards][:, [0, 2, 1]]  # clockwise in pixels with y down, seen from outside
    place = (directions * [7.5, 10.0, 9.0] + [0.0, 3.0, 2.0]).astype(np.float32)
    return IctModel(
        neutral=place,
        identities=np.zeros((2, SHOWN, 3), np.float32),
        expressions=np.zeros((len(EXPRESSIONS), SHOWN, 3), np.float32),
        triangles=triangles,
        upright=np.diag([1.0, -1.0, -1.0]),
    )


def test_there_are_68_landmarks_of_different_vertices() -> None:
    assert len(set(LANDMARKS.tolist())) == NUM_LANDMARKS
    assert LANDMARKS.max() < SHOWN


def test_a_placed_face_has_its_origin_and_its_unit_by_the_landmarks(egg: IctModel) -> None:
    points = egg.placed(egg.neutral, egg.neutral)[LANDMARKS]
    left, right = OUTER_EYE_CORNERS
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-5)
    assert np.linalg.norm(points[left] - points[right]) == pytest.approx(1, abs=1e-5)


def test_normals_look_outwards(egg: IctModel) -> None:
    place = egg.neutral.astype(np.float64) - [0.0, 3.0, 2.0]
    normals = vertex_normals(egg.neutral, egg.triangles)
    expected = place / np.square([7.5, 10.0, 9.0])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert (normals * expected).sum(axis=1).min() > 0.98  # vertices lie irregularly


def test_hair_is_above_and_behind_and_no_neck_is_head(egg: IctModel) -> None:
    behind, below = scalp(egg.neutral, 0.0, 0.5), neck(egg.neutral)
    face = slice(0, 9409)
    _, y, z = egg.neutral[face].T
    assert (behind[face][y > 11.5] > 0).all()
    assert (behind[face][(z > 8) & (y < 6)] < 0).all()
    assert below[face][(y < -6.5) & (z < 2)].all()
    assert not below[face][y > 0].any()
    assert not (below[face] & (behind[face] > 0)).any()


def test_a_head_is_drawn_the_same_each_time_within_its_mask(egg: IctModel) -> None:
    rotation, translation = Sides(yaw=np.array([30.0]), pitch=np.array([0.0])).cameras
    drawn = [
        IctHead(egg, np.random.default_rng(1), 32, fastest()).draw(
            np.zeros(len(EXPRESSIONS), np.float32), rotation[0].astype(np.float64), translation[0].astype(np.float64)
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*drawn)
    head = drawn[0][..., 3] > 0
    assert head.any()
    assert len(np.unique(drawn[0][~head][:, :3], axis=0)) < len(np.unique(drawn[0][head][:, :3], axis=0))


def test_another_file_under_its_name_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ict_facekit_fp16.npz"
    np.savez(path, neutral=np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"ict_facekit_fp16\.npz: is no ICT-FaceKit model"):
        _read(path)


@pytest.mark.skipif(assets.locate(assets.asset("ict_facekit")) is None, reason="needs ict_facekit of `tfg assets`")
def test_the_model_itself_looks_at_the_camera_and_moves_its_jaw() -> None:
    source = Ict()
    model = source.model
    points = model.placed(model.neutral, model.neutral)[LANDMARKS]
    left, right = OUTER_EYE_CORNERS
    assert points[left, 0] < 0 < points[right, 0]
    np.testing.assert_allclose(points[left, 1:], points[right, 1:], atol=0.01)
    jaw = model.expressions[EXPRESSIONS.index("jawOpen")][LANDMARKS]
    assert jaw[CHIN, 1] < -0.5  # centimetres: it falls
    drawn = source.draw(0, Sides(yaw=np.array([0.0, 40.0]), pitch=np.zeros(2), resting=True), 48)
    for picture in drawn.pictures:
        assert 0.1 < (picture[..., 3] > 0).mean() < 0.5
