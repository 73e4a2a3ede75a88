"""What is scored beside a head: the mean training frame, the nearest one, shuffled audio."""

from __future__ import annotations

import numpy as np
import portraits

from tfg.scoring import controls


def test_static_is_the_mean_training_frame_for_every_test_frame():
    train = portraits.make_scene(num_frames=6, size=32).portrait
    made = controls.static(train, 3)
    assert made.shape == (3, *train.images.shape[1:])
    np.testing.assert_array_equal(made[2], np.round(train.images.astype(np.float64).mean(axis=0)))


def test_the_nearest_frame_of_a_training_frame_is_itself():
    train = portraits.make_scene(num_frames=6, size=32).portrait
    windows = np.random.default_rng(0).standard_normal((len(train.images), 8, 4)).astype(np.float32)
    np.testing.assert_array_equal(controls.nearest(train, train, windows, windows), train.images)


def test_shuffled_windows_are_the_same_ones_in_an_order_of_the_names():
    windows = np.arange(20 * 8 * 2, dtype=np.float32).reshape(20, 8, 2)
    one = controls.shuffle(windows, "instag", "clip", 0)
    assert not np.array_equal(one, windows)
    np.testing.assert_array_equal(np.sort(one, axis=0), windows)
    np.testing.assert_array_equal(one, controls.shuffle(windows, "instag", "clip", 0))
    assert not np.array_equal(one, controls.shuffle(windows, "instag", "clip", 1))
