"""New speech on a made portrait: moves like its training part, by the seed, in as many frames as there is speech."""

from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from portraits import make_scene

from tfg.performance import channels
from tfg.performance.blinks import EYES, find
from tfg.performance.perform import perform, stretches


@pytest.fixture(scope="module")
def portrait():
    """150 frames with blinks and a torso that sways."""
    made = make_scene(num_frames=150, size=16, seed=3).portrait
    shade = np.arange(256) % 16 * 8
    sway = np.round(30 * made.cameras.translation[:, 0]).astype(int)
    behind = np.stack([np.roll(shade, shift).reshape(16, 16) for shift in sway])
    upper = made.upper.copy()
    upper[:, EYES] = 0.05
    for start in (30, 90):
        upper[start : start + 6, EYES] = np.array([0.4, 0.8, 0.7, 0.5, 0.3, 0.15])[:, None]
    return replace(made, background=np.repeat(behind.astype(np.uint8)[..., None], 3, axis=3), upper=upper)


def speech(num_frames):
    return np.zeros((num_frames, 4), np.float32)


def parts_of(portrait):
    brows = np.delete(portrait.upper, EYES, axis=1)
    return {
        "rotation": channels.rotations(portrait.cameras.rotation),
        "translation": channels.positions(portrait.cameras.translation),
        "background": channels.pictures(portrait.background),
        "brows": channels.curves(brows),
        "eyes": channels.curves(portrait.upper[:, EYES]),
    }


@pytest.mark.parametrize(("first", "stop"), [(0, 150), (10, 60)])  # 6 s and 2 s, both with a blink
@pytest.mark.parametrize("num_frames", [20, 1000])
def test_no_step_between_frames_is_larger_than_in_the_training_part(portrait, first, stop, num_frames):
    segment = portrait.rows(first, stop)
    for seed in range(3):
        made = parts_of(perform(segment, speech(num_frames), seed).rows(0, num_frames))
        for name, own in parts_of(segment).items():
            assert made[name].steps().max() <= own.steps().max() * (1 + 1e-6), name  # float32


def test_stretches_without_end_join_without_a_jump_and_do_not_repeat(portrait):
    made = list(islice(stretches(portrait, 0, 300), 4))
    for first, second in pairwise(made):
        border = [parts_of(first.rows(299, 300)), parts_of(second.rows(0, 1))]
        for name, own in parts_of(portrait).items():
            step = own.differences(border[0][name].values, border[1][name].values)
            assert step.max() <= own.steps().max() * (1 + 1e-6), name  # float32
        assert not np.array_equal(first.head.first, second.head.first)
    np.testing.assert_array_equal(made[0].head.first, perform(portrait, speech(300), 0).head.first)


def test_it_blinks_as_deep_as_the_person_and_at_times_of_its_own(portrait):
    performance = perform(portrait, speech(1500), 0)
    found = find(performance.upper[:, EYES].mean(axis=1))
    assert performance.can_blink
    assert 15 <= len(found) <= 40  # 26 a minute
    assert min(performance.upper[start:stop, EYES].max() for start, stop in found) > 0.75
    heads = {tuple(performance.head.first[start:stop]) for start, stop in found}
    assert len(heads) > 2  # not only where the head's rows blinked


def test_who_does_not_blink_in_training_does_not_blink(portrait):
    performance = perform(portrait.rows(40, 85), speech(1000), 0)
    assert not performance.can_blink
    assert performance.upper[:, EYES].max() <= portrait.upper[40:85, EYES].max()


def test_brows_go_their_own_way(portrait):
    performance = perform(portrait, speech(1000), 0)
    brows = np.delete(portrait.upper, EYES, axis=1)
    as_head = performance.head.of(channels.curves(brows))
    assert not np.allclose(np.delete(performance.upper, EYES, axis=1), as_head, atol=0.01)


def test_a_seed_is_a_performance_however_it_is_cut(portrait):
    whole = perform(portrait, speech(120), 1).rows(0, 120)
    again, other = perform(portrait, speech(120), 1), perform(portrait, speech(120), 2).rows(0, 120)
    for name in ("background", "upper", "frames"):
        pieces = np.concatenate([getattr(again.rows(start, start + 40), name) for start in (0, 40, 80)])
        np.testing.assert_array_equal(pieces, getattr(whole, name))
    np.testing.assert_array_equal(again.rows(40, 80).cameras.rotation, whole.cameras.rotation[40:80])
    assert (other.cameras.rotation != whole.cameras.rotation).any()
    assert (other.upper != whole.upper).any()


def test_one_row_holds_still():
    still = make_scene(num_frames=1, size=16).portrait
    made = perform(still, speech(30), 0).rows(0, 30)
    assert (made.cameras.rotation == still.cameras.rotation).all()
    assert (made.upper == still.upper).all()


def test_what_stands_behind_the_head_is_asked_for_the_poses_of_the_path(portrait):
    class Shaded:
        def pictures(self, cameras):
            shade = np.round(1000 * cameras.translation[:, 0]).astype(np.int64) % 256
            return np.broadcast_to(shade.astype(np.uint8)[:, None, None, None], (len(shade), 16, 16, 3))

    own = perform(portrait, speech(50), 0)
    made = replace(own, behind=Shaded()).rows(10, 40)
    assert np.array_equal(made.background, Shaded().pictures(made.cameras))
    before = own.rows(10, 40)
    assert np.array_equal(made.cameras.translation, before.cameras.translation)
    assert np.array_equal(made.upper, before.upper)
    assert not np.array_equal(made.background, before.background)


def test_the_head_never_jumps_from_one_piece_to_another(portrait):
    """Rows 0 to 39 and 100 to 149: the next row of the first piece's last is 60 frames and a larger step away."""
    rows = np.r_[0:40, 100:150]
    cut = portrait.take(rows)
    joint = channels.rotations(cut.cameras.rotation).steps()
    assert joint[39] > 1.5 * np.delete(joint, 39).max()
    for seed in range(3):
        moved = perform(cut, speech(600), seed).rows(0, 600)
        for name, channel in parts_of(cut).items():
            largest = np.delete(channel.steps(), 39).max()
            assert parts_of(moved)[name].steps().max() <= largest + 1e-6, name
