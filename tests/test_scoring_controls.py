"""What is scored beside a head: the mean training frame, the nearest one, and the head without its speech."""

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


def windows_of(count: int) -> np.ndarray:
    return np.arange(count * 8 * 2, dtype=np.float32).reshape(count, 8, 2)


def driven(name: str, count: int, *seeded_by: object) -> controls.Driven:
    scene = portraits.make_scene(num_frames=6, size=32).portrait
    test = scene.take(np.arange(count) % 6)
    made = controls.drive(name, scene, test, windows_of(count), *seeded_by)
    assert isinstance(made, controls.Driven)
    return made


def test_mute_is_the_mean_training_audio_which_is_zero_when_normalised():
    assert not driven("mute", 20).windows.any()


def test_rolled_audio_is_the_same_at_least_two_seconds_away():
    windows = driven("rolled", 120).windows
    rows = (windows[:, 0, 0] / 16).astype(int)
    away = np.abs(rows - np.arange(120))
    assert sorted(rows) == list(range(120))
    assert np.minimum(away, 120 - away).min() >= 50


def test_too_few_frames_to_roll_are_said():
    scene = portraits.make_scene(num_frames=6, size=32).portrait
    assert (
        controls.drive("rolled", scene, scene, windows_of(6)) == "6 held-out frames cannot be rolled by 50 either way"
    )


def test_still_keeps_the_audio_and_holds_one_training_pose():
    made, windows = driven("still", 20), windows_of(20)
    np.testing.assert_array_equal(made.windows, windows)
    for values in (made.portrait.cameras.rotation, made.portrait.landmarks, made.portrait.background):
        assert (values == values[:1]).all()


def test_shuffled_windows_are_the_same_ones_in_an_order_of_the_names():
    windows, one = windows_of(20), driven("shuffled", 20, "instag", "clip", 0).windows
    assert not np.array_equal(one, windows)
    np.testing.assert_array_equal(np.sort(one, axis=0), windows)
    np.testing.assert_array_equal(one, driven("shuffled", 20, "instag", "clip", 0).windows)
    assert not np.array_equal(one, driven("shuffled", 20, "instag", "clip", 1).windows)
