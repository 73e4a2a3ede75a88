"""The person's own blinks: found, taken out, and placed at natural intervals, one at a time; never invented."""

import numpy as np
import pytest

from tfg.performance import blinks
from tfg.types import FPS

SHAPE = np.array([0.3, 0.7, 0.6, 0.4, 0.2], np.float32)  # above open eyes
NO_CUTS = np.zeros(10_000, bool)


def eyes_with(starts, num_frames=150):
    """(n, 2) nearly open eyes that drift a little, with SHAPE from these frames on."""
    open_eyes = 0.05 + 0.02 * np.sin(np.arange(num_frames) / 20)
    closing = open_eyes.copy()
    for start in starts:
        closing[start : start + len(SHAPE)] += SHAPE[: num_frames - start]
    return np.stack([closing, 0.9 * closing], axis=1).astype(np.float32), open_eyes


def apart(eyes, cuts=()):
    where = NO_CUTS[: len(eyes) - 1].copy()
    where[list(cuts)] = True
    return blinks.take_apart(eyes, where)


def test_blinks_are_found_where_they_are_with_their_own_shape():
    eyes, open_eyes = eyes_with([20, 70])
    own = apart(eyes)
    assert blinks.find(eyes.mean(axis=1)) == [(20, 25), (70, 75)]
    assert own.intervals.tolist() == [50]
    np.testing.assert_allclose(own.eyes[:, 0], open_eyes, atol=0.005)
    for shape in own.shapes:
        np.testing.assert_allclose(shape, SHAPE[:, None] * [1, 0.9], atol=0.005)


def test_a_blink_cut_off_by_an_end_or_a_cut_is_taken_out_and_not_used():
    eyes, _ = eyes_with([0, 70, 147])
    own = apart(eyes, cuts=[71])  # within the second
    assert own.shapes == []
    assert own.eyes.max() < 0.1


@pytest.mark.parametrize(
    "closing",
    [
        np.full(150, 0.4),  # lowered lids
        0.1 + 0.05 * np.random.default_rng(0).normal(size=150).clip(-1, 1),  # noise
        0.1 + 0.5 * (np.abs(np.arange(150) - 75) < 40),  # closed eyes
        np.full(1, 0.9),
    ],
)
def test_what_is_no_blink_is_left_alone(closing):
    eyes = np.stack([closing, closing], axis=1).astype(np.float32)
    own = apart(eyes)
    assert own.shapes == []
    np.testing.assert_array_equal(own.eyes, eyes)
    assert blinks.place(own, 10_000, np.random.default_rng(0)) == []


def test_neighbours_that_do_not_open_between_are_one_shape():
    closing = np.full(60, 0.05)
    closing[20:32] = [0.3, 0.6, 0.5, 0.4, 0.3, 0.6, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert blinks.find(closing) == [(20, 32)]


@pytest.mark.parametrize("seed", range(5))
def test_placed_blinks_are_whole_and_never_overlap(seed):
    own = apart(eyes_with([20, 40, 70])[0])
    placed = blinks.place(own, 2000, np.random.default_rng(seed))
    ends = [blink.frame + len(own.shapes[blink.shape]) for blink in placed]
    assert placed[0].frame >= 1
    assert ends[-1] < 2000
    assert all(blink.frame - end >= blinks.OPEN for blink, end in zip(placed[1:], ends, strict=False))


def test_few_own_intervals_give_way_to_the_published_rate():
    placed = blinks.place(apart(eyes_with([20, 40])[0]), 60 * 60 * FPS, np.random.default_rng(0))
    assert len(placed) / 60 == pytest.approx(26, rel=0.05)  # a minute; an hour of drawn intervals


def test_enough_own_intervals_are_drawn_from():
    starts = np.cumsum([20, *[40, 60] * 6])
    placed = blinks.place(apart(eyes_with(starts, 700)[0]), 5000, np.random.default_rng(0))
    assert set(np.diff([blink.frame for blink in placed])) == {40, 60}


def test_closed_eyes_reach_the_persons_own_depth_in_steps_no_larger_than_their_own():
    eyes, _ = eyes_with([20, 70])
    own = apart(eyes)
    drifting = own.eyes[np.abs(np.arange(600) % 298 - 149)]  # the open eyes, back and forth
    placed = blinks.place(own, len(drifting), np.random.default_rng(0))
    made = blinks.close(drifting, own, placed)
    assert (np.abs(np.diff(made, axis=0)).max(axis=0) <= np.abs(np.diff(eyes, axis=0)).max(axis=0) * (1 + 1e-6)).all()
    for blink in placed:
        assert made[blink.frame : blink.frame + 5, 0].max() == pytest.approx(eyes[:, 0].max(), abs=0.05)
    untouched = np.ones(len(made), bool)
    for blink in placed:
        untouched[blink.frame : blink.frame + 5] = False
    np.testing.assert_allclose(made[untouched], drifting[untouched], atol=1e-7)
