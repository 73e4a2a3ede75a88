"""A torso field: learns what a pose moves, from what the training part shows; its file, its settings, its seed."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from portraits import make_scene

from tfg.features.background import widen
from tfg.torso.field import behind, load, save
from tfg.torso.learning import learn
from tfg.torso.settings import TorsoSettings, file_name, settings_of
from tfg.types import Cameras, InputError, Portrait

SETTINGS = TorsoSettings(field=True, nodes=6, steps=100, lr=1e-2, filling=0.02, folds=2)
QUICK = replace(SETTINGS, steps=10)
SIZE, TRAIN, ALL = 48, 150, 200


def swaying(own_motion: float = 0.0) -> Portrait:
    """200 frames whose torso follows the head's place by 40 % in the picture, over a wall that stands still.

    `own_motion`: pixels by which it moves of itself instead.
    """
    portrait = make_scene(num_frames=ALL, size=SIZE, seed=2).portrait
    cameras = portrait.cameras
    shift = 0.4 * cameras.focal * (cameras.translation[:, :2] / cameras.translation[:, 2:])
    shift -= shift[:TRAIN].mean(axis=0)
    if own_motion:
        shift = own_motion * np.random.default_rng(0).normal(size=shift.shape)
    down, across = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    pictures = np.empty((ALL, SIZE, SIZE, 3), np.uint8)
    for row, (dx, dy) in enumerate(shift):
        x, y = across - dx, down - dy
        share = 1 / (1 + np.exp(-(y - 0.6 * SIZE) / 3))  # of the torso, below
        stripes = 128 + 90 * np.sin(0.5 * x) * np.cos(0.4 * y)
        wall = 100 + 40 * np.sin(0.2 * across)
        pictures[row] = (share * stripes + (1 - share) * wall)[..., None] + np.array([0, 10, 20])
    return replace(portrait, background=pictures)


def error(made: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(made.astype(np.float64) - truth).mean())


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return swaying()


@pytest.fixture(scope="module")
def learned(portrait: Portrait):
    return learn(portrait.rows(0, TRAIN), SETTINGS, "person", 0)


def test_a_torso_that_follows_the_head_is_drawn_at_unseen_poses_better_than_by_the_mean_or_the_nearest_frame(
    portrait, learned
):
    field, trust = learned
    train, test = portrait.rows(0, TRAIN), portrait.rows(TRAIN, ALL)
    truth = test.background.astype(np.float64)
    distance = ((test.cameras.translation[:, None] - train.cameras.translation[None]) ** 2).sum(axis=-1)
    nearest = train.background[distance.argmin(axis=1)]
    made = error(behind(test, field).background, truth)
    assert trust.strength >= 0.75
    assert made < 0.5 * error(train.background.mean(axis=0), truth)
    assert made < error(nearest, truth)


def test_a_torso_that_moves_by_itself_is_not_moved_by_the_pose():
    portrait = swaying(own_motion=1.5)
    field, trust = learn(portrait.rows(0, TRAIN), SETTINGS, "person", 0)
    truth = portrait.background[TRAIN:].astype(np.float64)
    mean = portrait.background[:TRAIN].mean(axis=0)
    assert trust.strength <= 0.5
    assert error(field.pictures(portrait.cameras.take(slice(TRAIN, ALL))), truth) < 1.1 * error(mean, truth)


def test_the_same_seed_gives_the_same_field_and_another_another(portrait):
    few = portrait.rows(0, 30)
    (first, _), (again, _), (other, _) = (learn(few, QUICK, "person", seed) for seed in (0, 0, 1))
    assert torch.equal(again.canonical, first.canonical)
    assert torch.equal(again.motion, first.motion)
    assert not torch.equal(other.canonical, first.canonical)


def test_what_was_in_the_removed_head_counts_as_little_as_the_key_says(portrait):
    """Inside the widened head every frame is white; a field that does not count it shows what other frames saw there."""
    train = portrait.rows(0, 40)
    hidden = np.zeros_like(train.head_mask)
    hidden[::2, 32:44, 14:30] = True  # of every other frame
    painted = np.where(widen(hidden)[..., None], np.uint8(255), train.background)
    blind = replace(train, head_mask=hidden, background=painted)
    left, _ = learn(blind, replace(SETTINGS, steps=40, filling=0.0), 0)
    counted, _ = learn(blind, replace(SETTINGS, steps=40, filling=1.0), 0)
    place = np.s_[:, 34:42, 16:28]
    truth = train.background[place]
    assert error(left.pictures(train.cameras)[place], truth) < 0.4 * error(
        counted.pictures(train.cameras)[place], truth
    )


def test_pictures_landmarks_sound_and_lids_have_no_part_in_it(portrait):
    few = portrait.rows(0, 30)
    blank = {
        name: np.zeros_like(getattr(few, name)) for name in ("images", "landmarks", "audio", "upper", "mouth_mask")
    }
    fields = [learn(shown, QUICK, 0)[0] for shown in (few, replace(few, **blank))]
    assert torch.equal(fields[0].canonical, fields[1].canonical)


def test_a_large_picture_is_learned_small_and_drawn_at_its_size():
    """130 pixels are shrunk to 65 for the motion; stripes of four pixels are drawn at full size all the same."""
    portrait = make_scene(num_frames=24, size=130, seed=2).portrait
    stripes = np.where(np.arange(130) // 2 % 2, 40, 200).astype(np.uint8)
    behind_it = np.broadcast_to(stripes[None, None, :, None], portrait.images.shape)
    seen = replace(portrait, background=np.ascontiguousarray(behind_it), head_mask=np.zeros_like(portrait.head_mask))
    field, _ = learn(seen, replace(SETTINGS, steps=25), 0)
    made = field.pictures(portrait.cameras.take(slice(0, 3)))
    assert made.shape == (3, 130, 130, 3)
    assert error(made, behind_it[:3]) < 8  # of the 160 that the stripes differ


def test_a_single_frame_is_its_own_picture(portrait):
    one = portrait.rows(0, 1)
    field, trust = learn(replace(one, head_mask=np.zeros_like(one.head_mask)), SETTINGS, 0)
    assert trust.strength == 0
    assert error(field.pictures(one.cameras), one.background) < 1


def test_poses_far_outside_count_as_the_last_that_are_trusted(portrait, learned):
    field, _ = learned
    cameras = portrait.cameras.take(slice(0, 1))
    places = [replace(cameras, translation=cameras.translation + np.float32([[far, 0, 0]])) for far in (5, 50)]
    first, second = (field.pictures(place) for place in places)
    assert error(first, second) < 1  # not 0: along an axis that this move hardly touches it may still lie within
    assert error(first, field.pictures(cameras)) > 3


def test_a_file_gives_the_same_pictures_and_a_damaged_one_is_named(tmp_path, portrait, learned):
    path = tmp_path / "torso.safetensors"
    save(path, learned[0])
    cameras: Cameras = portrait.cameras.take(slice(0, 4))
    assert np.array_equal(load(path).pictures(cameras), learned[0].pictures(cameras))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"torso.safetensors: is missing, damaged or cut short .*; repeat the command"):
        load(path)


def test_settings_name_the_file_and_off_has_none():
    names = {file_name(replace(SETTINGS, **change)) for change in ({}, {"nodes": 7}, {"folds": 3}, {"filling": 0.5})}
    assert len(names) == 4
    assert file_name(replace(SETTINGS, field=False)) is None


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("nodes", 1, "torso.nodes=1: must be a whole number from 2 to 128"),
        ("nodes", 2.5, "torso.nodes=2.5: must be a whole number"),
        ("steps", 0, "torso.steps=0: must be a whole number"),
        ("folds", 1, "torso.folds=1: must be a whole number from 2 to 20"),
        ("lr", 0.0, "torso.lr=0.0: must be a number from 1e-06 to 1"),
        ("filling", 2, "torso.filling=2: must be a number from 0 to 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(key, value, said):
    with pytest.raises(InputError, match=said):
        settings_of({**asdict(SETTINGS), key: value})
