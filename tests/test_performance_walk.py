"""The path over training rows: no step larger than the person's own, no period, no cut crossed, also from very few rows."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from tfg.performance import channels
from tfg.performance.walk import Ground, cuts_of, walk

RNG = np.random.default_rng


def smooth(rng, num_frames, count, period):
    """(n, count) random curves around 0 that change over about `period` frames."""
    kernel = np.exp(-0.5 * (np.arange(-3 * period, 3 * period + 1) / period) ** 2)
    noise = rng.normal(size=(num_frames + 6 * period, count))
    return np.stack([np.convolve(column, kernel, "valid") for column in noise.T], axis=1) / np.sqrt((kernel**2).sum())


def ground_of(num_rows, cuts=()):
    """A head that turns, shifts and moves what is behind it."""
    rng = RNG(1)
    turns = Rotation.from_rotvec(0.1 * smooth(rng, num_rows, 3, 12)).as_matrix().astype(np.float32)
    shifts = (0.1 * smooth(rng, num_rows, 3, 15)).astype(np.float32)
    texture = 127 + 40 * smooth(rng, 24, 24, 4)
    moved = [np.roll(texture, round(float(40 * x)), axis=1) for x in shifts[:, 0]]
    behind = np.repeat(np.clip(moved, 0, 255).astype(np.uint8)[..., None], 3, axis=3)
    where = np.zeros(max(num_rows - 1, 0), bool)
    where[list(cuts)] = True
    parts = (channels.rotations(turns), channels.positions(shifts), channels.pictures(behind))
    return Ground(channels=parts, cuts=where)


def changes_over(path):
    return np.abs(path.first - path.second) > 1


@pytest.mark.parametrize("num_rows", [50, 125, 400])
@pytest.mark.parametrize("num_frames", [30, 1500])
def test_no_step_is_larger_than_the_persons_own(num_rows, num_frames):
    ground = ground_of(num_rows)
    for seed in range(4):
        path = walk(ground, num_frames, RNG(seed))
        assert len(path.first) == num_frames
        for channel in ground.channels:
            made = path.of(channel)
            assert channel.differences(made[:-1], made[1:]).max() <= channel.steps().max() * (1 + 1e-6)  # float32


def test_a_cut_is_never_crossed_and_its_step_is_none_of_the_persons_own():
    ground = ground_of(150, cuts=[60])
    for channel in ground.channels:
        channel.values[61:] = channel.values[61:][::-1].copy()  # the step at 60 is now a jump
    paths = [walk(ground, 1000, RNG(seed)) for seed in range(6)]
    for path in paths:
        near = ~changes_over(path)
        assert ((path.first <= 60) == (path.second <= 60))[near].all()
        for channel in ground.channels:
            made = path.of(channel)
            assert channel.differences(made[:-1], made[1:]).max() <= channel.steps()[~ground.cuts].max() * (1 + 1e-6)


def test_a_step_of_the_picture_far_above_the_others_is_a_cut():
    images = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 8, 8, 3)).copy()
    assert not cuts_of(images, np.arange(40)).any()
    images[20:] += 100
    assert np.flatnonzero(cuts_of(images, np.arange(40))).tolist() == [19]
    assert not cuts_of(np.zeros((5, 8, 8, 3), np.uint8), np.arange(5)).any()


def test_between_pieces_is_a_cut_however_alike_the_pictures_are():
    images = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 8, 8, 3)).copy()
    frames = np.concatenate([np.arange(100, 125), np.arange(126, 141)])
    assert np.flatnonzero(cuts_of(images, frames)).tolist() == [24]
    assert np.flatnonzero(cuts_of(np.zeros((40, 8, 8, 3), np.uint8), frames)).tolist() == [24]


def test_large_steps_between_pieces_hide_no_cut_within_one():
    images = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None, None], (40, 8, 8, 3)).copy()
    for joint in range(4, 40, 4):
        images[joint:] += 20
    images[18:] += 30  # a cut within the piece of rows 16 to 19
    frames = np.arange(40) + 10 * (np.arange(40) // 4)
    assert np.flatnonzero(cuts_of(images, frames)).tolist() == sorted([*range(3, 39, 4), 17])


@pytest.mark.parametrize("num_rows", [20, 50, 125])
def test_a_long_path_has_no_period_and_uses_the_whole_segment(num_rows):
    ground = ground_of(num_rows)
    path = walk(ground, 3000, RNG(0))
    place = path.first + path.weight * (path.second - path.first)
    assert not any((place[period:] == place[:-period]).all() for period in range(1, 1500))
    run = ground.runs[0]
    assert set(range(run.first, run.last + 1)) <= set(path.first)
    assert run.last - run.first >= num_rows / 3


def test_it_turns_round_and_goes_over_to_other_rows():
    ground = ground_of(125)
    path = walk(Ground(channels=ground.channels[:2], cuts=ground.cuts), 1500, RNG(0))
    forwards, backwards = (np.diff(path.first) == 1).sum(), (np.diff(path.first) == -1).sum()
    assert min(forwards, backwards) > 300
    assert np.diff(changes_over(path).astype(int)).clip(0).sum() >= 5


def test_a_seed_is_a_path():
    ground = ground_of(80)
    one, same, other = (walk(ground, 400, RNG(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.first, same.first)
    np.testing.assert_array_equal(one.weight, same.weight)
    assert (one.first != other.first).any()


@pytest.mark.parametrize("num_rows", [1, 2, 3, 4, 5, 9, 17])
def test_few_rows_are_enough(num_rows):
    ground = ground_of(num_rows)
    path = walk(ground, 200, RNG(0))
    assert set(path.first) | set(path.second) <= set(range(num_rows))
    assert len(set(path.first)) == 1 if num_rows == 1 else len(set(path.first)) > 1
    assert np.abs(np.diff(path.first)).max() <= 1


def test_rotations_are_blended_as_by_slerp():
    ends = Rotation.random(2, random_state=0)
    ends = Rotation.concatenate([ends[0], ends[0] * Rotation.from_rotvec([0.3, -0.2, 0.1])])
    first, second = ends.as_matrix().astype(np.float32)
    weight = np.linspace(0, 1, 7)
    made = channels.turned(np.stack([first] * 7), np.stack([second] * 7), weight)
    np.testing.assert_allclose(made, Slerp([0, 1], ends)(weight).as_matrix(), atol=1e-6)
    np.testing.assert_array_equal(made[0], first)
    angle = channels.angles(first[None], second[None])
    np.testing.assert_allclose(angle, (ends[0].inv() * ends[1]).magnitude(), rtol=1e-6)
