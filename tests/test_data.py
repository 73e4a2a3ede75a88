"""Windows, frame order and the split."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfg.data import audio_statistics, audio_windows, check_split, frame_order
from tfg.types import Segment


def test_window_of_frame_i_holds_frames_i_minus_4_to_i_plus_3_and_zeros_outside():
    features = np.arange(1, 11, dtype=np.float32)[:, None]
    windows = audio_windows(features, np.zeros(1, np.float32), np.ones(1, np.float32))
    assert windows.shape == (10, 8, 1)
    assert windows[0, :, 0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert windows[5, :, 0].tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    assert windows[9, :, 0].tolist() == [6, 7, 8, 9, 10, 0, 0, 0]


def test_a_constant_channel_is_normalised_to_zero_not_to_nan():
    features = np.stack([np.full(5, 3.0), np.arange(5.0)], axis=1).astype(np.float32)
    mean, std = audio_statistics(features)
    assert std[0] == 1
    assert audio_windows(features, mean, std)[..., 0].max() == 0


def test_every_frame_comes_once_a_round():
    order = frame_order(7, 0, 21, seed=3)
    assert all(sorted(order[i : i + 7]) == list(range(7)) for i in (0, 7, 14))
    assert order[:7] != order[7:14]


@pytest.mark.parametrize("cut", [1, 6, 7, 10])
def test_a_resumed_order_is_the_order_that_would_have_been(cut):
    whole = frame_order(7, 0, 21, seed=3)
    assert frame_order(7, 0, cut, seed=3) + frame_order(7, cut, 21 - cut, seed=3) == whole


def test_a_window_at_the_end_of_a_piece_has_the_sound_that_follows_it_in_the_clip():
    features = np.arange(1, 101, dtype=np.float32)[:, None]
    frames = Segment.joined([10, 50], 5).frames
    windows = audio_windows(features, np.zeros(1, np.float32), np.ones(1, np.float32), frames)
    assert windows[4, :, 0].tolist() == [11, 12, 13, 14, 15, 16, 17, 18]  # of frame 14, whose value is 15
    assert windows[5, :, 0].tolist() == [47, 48, 49, 50, 51, 52, 53, 54]  # of frame 50


def test_no_piece_may_reach_into_the_held_out_part():
    clip = SimpleNamespace(num_reference_frames=60)
    check_split(Segment.joined([10, 55], 5), clip)
    with pytest.raises(AssertionError, match="held-out"):
        check_split(Segment.joined([10, 56], 5), clip)
