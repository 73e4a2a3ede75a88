"""A head that turns while it speaks: the angles reach both ends smoothly, the neck stays, the torso does not follow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from portraits import make_scene

from tfg import cli
from tfg.performance.orbit import Orbit
from tfg.performance.perform import perform
from tfg.rotations import NECK, about_necks, necks, turns
from tfg.types import InputError

WIDE = Orbit(yaw=(-30.0, 30.0))


@pytest.fixture(scope="module")
def portrait():
    return make_scene(num_frames=60, size=16, seed=3).portrait


def test_a_right_turn_looks_to_the_images_right_and_a_nod_brings_the_chin_down():
    ahead, chin = np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0])
    assert (turns(np.array([30.0]), np.array([0.0]))[0] @ ahead)[0] == pytest.approx(0.5)
    assert (turns(np.array([0.0]), np.array([20.0]))[0] @ ahead)[1] > 0.3
    assert (turns(np.array([0.0]), np.array([20.0]))[0] @ chin)[2] > 0.3  # towards the neck


def test_turns_are_those_of_the_generator():
    from tfg.clip.synthetic.motion import rotations

    pose = np.array([[12.0, -7.0, 0, 0, 0, 0], [-40.0, 20.0, 0, 0, 0, 0]])
    np.testing.assert_allclose(turns(pose[:, 0], pose[:, 1]), rotations(pose), atol=1e-12)


@pytest.mark.parametrize("seconds", [1, 5, 8, 30])
def test_every_video_sees_both_sides_without_a_jump_and_ends_where_it_began(seconds):
    yaw, pitch = WIDE.angles(25 * seconds)
    assert yaw.max() > 29.5
    assert yaw.min() < -29.5
    assert (pitch == 0).all()
    assert yaw[0] == 0
    assert abs(yaw[-1] - yaw[0]) <= 1.01 * abs(np.diff(yaw)).max()
    if seconds >= 5:
        assert abs(np.diff(yaw)).max() < 2  # degrees a frame


def test_both_axes_go_round_an_ellipse():
    yaw, pitch = Orbit(yaw=(-30.0, 30.0), pitch=(-5.0, 15.0)).angles(200)
    np.testing.assert_allclose((yaw / 30) ** 2 + ((pitch - 5) / 10) ** 2, 1)
    alone = Orbit(pitch=(-10.0, 10.0)).angles(200)
    assert alone[1][0] == 0
    assert (alone[0] == 0).all()


def test_the_neck_stays_where_it_is_and_the_turn_adds_to_the_heads_own(portrait):
    cameras = portrait.cameras
    turned = WIDE.turned(cameras, 0, 60)
    np.testing.assert_allclose(
        necks(turned.rotation, turned.translation), necks(cameras.rotation, cameras.translation), atol=1e-5
    )
    yaw, pitch = WIDE.angles(60)
    np.testing.assert_allclose(turned.rotation, turns(yaw, pitch) @ cameras.rotation, atol=1e-6)
    rotation, translation = about_necks(np.eye(3)[None], np.array([1.0, 2.0, 3.0]) + NECK)
    np.testing.assert_allclose(translation, [[1.0, 2.0, 3.0]])
    assert rotation.dtype == translation.dtype == np.float32


def test_a_chunk_of_a_performance_turns_as_the_whole_and_its_torso_does_not(portrait):
    plain = perform(portrait, np.zeros((90, 4), np.float32), 0)
    orbiting = replace(plain, orbit=WIDE)
    whole = orbiting.rows(0, 90)
    part = orbiting.rows(30, 60)
    np.testing.assert_array_equal(part.cameras.rotation, whole.cameras.rotation[30:60])
    np.testing.assert_array_equal(part.cameras.translation, whole.cameras.translation[30:60])
    np.testing.assert_array_equal(whole.background, plain.rows(0, 90).background)
    np.testing.assert_array_equal(whole.upper, plain.rows(0, 90).upper)
    assert abs(whole.cameras.rotation - plain.rows(0, 90).cameras.rotation).max() > 0.3


def test_a_torso_field_is_shown_at_the_poses_that_it_knows(portrait):
    class Behind:
        def pictures(self, cameras):
            np.testing.assert_array_equal(cameras.rotation, perform(portrait, speech, 0).rows(0, 30).cameras.rotation)
            return portrait.background[:30]

    speech = np.zeros((30, 4), np.float32)
    replace(perform(portrait, speech, 0), orbit=WIDE, behind=Behind()).rows(0, 30)


def test_what_the_option_takes():
    assert Orbit.parse(["yaw=-30..30"]) == WIDE
    assert Orbit.parse(["pitch=-5..12.5", "yaw=20"]) == Orbit(yaw=(20.0, 20.0), pitch=(-5.0, 12.5))
    assert (Orbit.parse(["yaw=20"]).angles(50)[0] == 20).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["roll=1..2"], "give yaw=LOW..HIGH and pitch=LOW..HIGH in degrees, as yaw=-30..30, or one angle"),
        (["yaw=left"], "give yaw=LOW..HIGH"),
        (["yaw=30..-30"], "give the lower angle first, neither beyond 90 degrees"),
        (["pitch=0..61"], "neither beyond 60 degrees"),
        (["yaw=1", "yaw=2"], "--orbit yaw=2: yaw is given twice; give it once"),
    ],
)
def test_anything_else_is_one_line(given, said):
    with pytest.raises(InputError) as caught:
        Orbit.parse(given)
    assert said in str(caught.value)


def test_a_mistake_in_it_is_said_before_the_head_is_opened(tmp_path, capsys):
    command = ["render", "--run", str(tmp_path), "--say", "hello", "-o", str(tmp_path / "a.mp4"), "--orbit", "yaw"]
    assert cli.run(command) == 2
    assert capsys.readouterr().err.startswith("tfg: --orbit yaw: give yaw=LOW..HIGH")
