"""The generator seen from the side: lights that stay in the world, the depth of what is drawn, where the eyes are."""

from __future__ import annotations

import numpy as np
import pytest

from tfg.clip.synthetic.expression import coefficients
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import rotations, translations
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.render import REST_TRANSLATION, DrawnFrame, FrameRenderer
from tfg.clip.synthetic.shade import WITH_CAMERA, Lights
from tfg.landmarks import EYES, NOSE_BRIDGE, NOSE_TIP

SIZE = 96
BLINKS = slice(5, 7)  # of UPPER_FACE


@pytest.fixture(scope="module")
def renderer() -> FrameRenderer:
    return FrameRenderer(make_person_mesh(make_person(0), SIZE), SIZE)


def pose(yaw: float, pitch: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    angles = np.array([[yaw, pitch, 0.0, 0.0, 0.0, 0.0]])
    rotation = rotations(angles)
    return rotation[0], translations(angles, rotation, np.array(REST_TRANSLATION))[0]


def drawn(renderer: FrameRenderer, yaw: float, lights: Lights = WITH_CAMERA, blink: float = 0.0) -> DrawnFrame:
    rotation, translation = pose(yaw)
    upper = np.zeros((1, 7), np.float32)
    upper[:, BLINKS] = blink
    weights = coefficients(np.zeros((1, 7), np.float32), upper)[0]
    return renderer.draw(weights, rotation, translation, np.zeros(2), 0.0, lights, surfaces=True)


def on_the_bridge(frame: DrawnFrame) -> float:
    """Mean grey level of the pixels under three points of the nose's ridge, whose normals look ahead."""
    column, row = frame.landmarks[list(NOSE_BRIDGE[:3])].astype(int).T
    return float(frame.image[row, column].mean())


def test_lights_that_stay_in_the_world_leave_the_shading_on_a_head_that_a_camera_goes_round(renderer):
    frontal = on_the_bridge(drawn(renderer, 0))
    for yaw in (-45, 45):
        still = on_the_bridge(drawn(renderer, yaw, WITH_CAMERA.turned(pose(yaw)[0])))
        assert abs(still - frontal) < 8  # grey levels
    assert abs(on_the_bridge(drawn(renderer, 45)) - frontal) > 20  # with the camera the key light leaves the nose


def test_a_camera_that_has_not_moved_has_the_same_lights(renderer):
    same = drawn(renderer, 20, WITH_CAMERA.turned(np.eye(3)))
    np.testing.assert_array_equal(same.image, drawn(renderer, 20).image)


def test_lights_turned_twice_are_lights_turned_once_by_both(renderer):
    first, second = pose(20)[0], pose(-5, 10)[0]
    twice, once = WITH_CAMERA.turned(first).turned(second), WITH_CAMERA.turned(second @ first)
    for name in ("key", "fill", "half", "down", "strands"):
        np.testing.assert_allclose(getattr(twice, name), getattr(once, name), atol=1e-6)


@pytest.mark.parametrize("yaw", [-30, 0, 45])
def test_the_depth_is_that_of_the_surface_under_the_pixel(renderer, yaw):
    frame, (rotation, translation) = drawn(renderer, yaw), pose(yaw)
    mesh = renderer.mesh
    tip = mesh.face_shape()[NOSE_TIP]
    column, row = frame.landmarks[NOSE_TIP].astype(int)
    assert frame.surfaces.depth[row, column] == pytest.approx(
        (rotation @ tip + translation)[2], abs=0.06
    )  # a pixel's slope
    shown = ~np.isnan(frame.surfaces.depth)
    assert (shown & ~frame.head).sum() == 0  # neither neck nor wall has one
    assert shown[frame.head].mean() > 0.9


def test_eyes_are_where_they_are_open_and_nowhere_when_shut(renderer):
    frame = drawn(renderer, 0)
    assert (frame.surfaces.eyes & ~frame.head).sum() == 0
    row, column = np.nonzero(frame.surfaces.eyes)
    low, high = frame.landmarks[EYES].min(axis=0), frame.landmarks[EYES].max(axis=0)
    assert (np.abs(np.array([column.min(), row.min()]) + 0.5 - low) < 2).all()
    assert (np.abs(np.array([column.max(), row.max()]) + 0.5 - high) < 2).all()
    assert drawn(renderer, 0, blink=1.0).surfaces.eyes.sum() < 0.2 * frame.surfaces.eyes.sum()


def test_surfaces_are_made_only_where_they_are_asked_for(renderer):
    rotation, translation = pose(0)
    frame = renderer.draw(
        coefficients(np.zeros((1, 7), np.float32), np.zeros((1, 7), np.float32))[0],
        rotation,
        translation,
        np.zeros(2),
        0.0,
    )
    assert frame.surfaces is None
