"""Heads drawn from many sides: cameras that fit the pictures, people and light by number, faces that rest, pictures kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.person import make_person
from tfg.landmarks import NOSE_TIP
from tfg.multiview.base import WIDEST_PITCH, WIDEST_YAW, HeadViews, Sides, drawn_sides
from tfg.multiview.cache import check_room, views_of
from tfg.multiview.synthetic import FIRST_SEED, Synthetic
from tfg.types import InputError

SIZE = 48
SIDES = Sides(yaw=np.array([0.0, -40.0, 55.0]), pitch=np.array([0.0, 10.0, -15.0]), resting=True)


@pytest.fixture(scope="module")
def resting() -> HeadViews:
    return Synthetic().draw(2, SIDES, SIZE)


def test_sides_stay_within_the_widest_and_half_of_them_are_usual() -> None:
    sides = drawn_sides(np.random.default_rng(0), 2000)
    assert WIDEST_YAW - 1 < np.abs(sides.yaw).max() <= WIDEST_YAW
    assert np.abs(sides.pitch).max() <= WIDEST_PITCH
    assert 0.5 < (np.abs(sides.yaw) < 20).mean() < 0.7  # 0.82 of one half and 0.33 of the other are


def test_the_nose_is_where_the_camera_says(resting: HeadViews) -> None:
    tip = make_person_mesh(make_person(FIRST_SEED + 2), SIZE).face_shape()[NOSE_TIP]
    seen = resting.rotation @ tip + resting.translation
    columns, rows = (seen[:, :2] / seen[:, 2:] * resting.focal + SIZE / 2).T
    assert columns[1] < columns[0] < columns[2]  # it turns to the image's left with negative yaw
    for picture, row, column in zip(resting.pictures, rows.astype(int), columns.astype(int), strict=True):
        assert picture[row, column, 3] == 255
    assert (resting.pictures[:, 0, :, 3] == 0).all()  # no head at the upper edge
    assert 0.1 < (resting.pictures[..., 3] > 0).mean() < 0.5


def test_a_number_is_a_person_and_resting_faces_are_one_face(resting: HeadViews) -> None:
    again = Synthetic().draw(2, SIDES, SIZE)
    np.testing.assert_array_equal(again.pictures, resting.pictures)
    assert (resting.states == 0).all()
    other = Synthetic().draw(3, SIDES, SIZE)
    assert (other.pictures != resting.pictures).mean() > 0.2


def test_faces_that_do_not_rest_differ_from_view_to_view_and_say_how() -> None:
    sides = Sides(yaw=np.zeros(6), pitch=np.zeros(6))
    drawn = Synthetic().draw(2, sides, SIZE)
    assert drawn.states.shape == (6, Synthetic.num_states)
    assert len({state.tobytes() for state in drawn.states}) == 6
    assert len({picture.tobytes() for picture in drawn.pictures}) == 6


def test_seeds_are_not_those_of_clips_studies_or_the_lip_prior() -> None:
    seeds = {Synthetic().record(number)["identity_seed"] for number in range(2000)}
    assert seeds.isdisjoint({0, *range(1, 1000)})
    assert Synthetic().record(0) == {"name": "synthetic 1001", "clips": [], "identity_seed": 1001}


class Counting:
    """Draws one pixel a view, and counts how often."""

    name, licence, num_states = "counting", "none", 1
    drawn = 0

    def record(self, number: int) -> dict[str, object]:
        return {"name": str(number), "clips": []}

    def draw(self, number: int, sides: Sides, size: int) -> HeadViews:
        self.drawn += 1
        rotation, translation = sides.cameras
        pictures = np.full((len(sides.yaw), size, size, 4), number, np.uint8)
        states = np.zeros((len(sides.yaw), 1), np.float32)
        return HeadViews(pictures=pictures, rotation=rotation, translation=translation, focal=2.0, states=states)


def test_pictures_are_drawn_once_and_anew_where_a_file_is_damaged(tmp_path: Path) -> None:
    source, counted = Counting(), []
    first = views_of(source, 7, SIDES, 2, tmp_path, lambda done, note=None: counted.append(done))
    again = views_of(source, 7, SIDES, 2, tmp_path, lambda done, note=None: counted.append(done))
    assert (source.drawn, counted) == (1, [3, 3])
    np.testing.assert_array_equal(first.pictures, again.pictures)
    assert again.focal == 2.0
    (tmp_path / "7.npz").write_bytes(b"cut off")
    views_of(source, 7, SIDES, 2, tmp_path, lambda done, note=None: None)
    assert source.drawn == 2


def test_more_pictures_than_may_be_kept_are_refused_before_any_is_drawn() -> None:
    check_room(10, 10, 100, 4_000_000)
    with pytest.raises(InputError, match=r"--people 10 x --views 11 of 100 pixels .* give fewer"):
        check_room(10, 11, 100, 4_000_000)
