"""Utterances in turn with rest between them."""

import numpy as np
from live_pages import drive

from tfg.live.sources import KEPT_BACKLOG, MOST_BACKLOG, Frame, Known, Microphone, Source
from tfg.live.timeline import FADE, MOST_WAITING, Timeline

REST = np.zeros(1, np.float32)


class Given(Source):
    """Frames as given."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def _blocks(self):
        yield [Frame(sound=np.full(640, v, np.float32), row=np.full(1, v, np.float32)) for v in self.values]


def given(values):
    source = Given(values)
    source.begin()
    assert source.wait(10)
    return source


def test_silence_rests():
    sounds, windows = Timeline(REST).take(5)
    assert sounds == [None] * 5
    np.testing.assert_array_equal(windows, np.zeros((5, 8, 1)))


def test_each_window_holds_the_rows_from_four_before_to_three_after_the_frame_of_its_sound():
    timeline = Timeline(REST)
    timeline.add(given([1, 2, 3, 4, 5]))
    taken = [timeline.take(2) for _ in range(10)]
    sounds = [sound for some, _ in taken for sound in some]
    windows = np.concatenate([windows for _, windows in taken])[:, :, 0]
    heard = [0 if sound is None else sound[0] for sound in sounds]
    assert [value for value in heard if value] == [1, 2, 3, 4, 5]
    row = heard.index(3)
    np.testing.assert_allclose(windows[row], [0.6, 0.8, 1, 2, 3, 4, 5, 4])
    np.testing.assert_array_equal(windows[1:, :-1], windows[:-1, 1:])


def test_no_step_of_the_mouth_is_larger_than_its_fade_allows():
    timeline = Timeline(REST)
    timeline.add(given([1.0] * 6))
    timeline.add(given([-1.0] * 6))
    middle = timeline.take(40)[1][:, 4, 0]
    assert np.abs(np.diff(middle)).max() <= 1.2 / (FADE + 1) + 1e-6  # of 2 in one step; 0.2 is left of the first
    assert middle[-1] == 0


def test_stop_breaks_off_what_is_said_and_drops_what_waits():
    timeline = Timeline(REST)
    timeline.add(given([1.0] * 100))
    timeline.add(given([2.0] * 100))
    timeline.take(10)
    timeline.clear()
    sounds, windows = timeline.take(40)
    assert sounds[-1] is None
    assert windows[-1, 4, 0] == 0
    assert not timeline.is_speaking


def test_only_some_utterances_may_wait():
    timeline = Timeline(REST)
    assert [timeline.add(given([1.0])) for _ in range(MOST_WAITING + 1)] == [True] * MOST_WAITING + [False]


def test_a_known_sound_has_the_rows_of_a_rendering_and_all_its_sound():
    audio = np.random.default_rng(0).normal(0, 0.1, 60 * 640).astype(np.float32)
    source = Known(audio, drive())
    source.begin()
    source._thread.join()
    frames = [source.take() for _ in range(60)]
    np.testing.assert_array_equal(np.concatenate([frame.sound for frame in frames]), audio)
    np.testing.assert_allclose(np.stack([frame.row for frame in frames]), drive().extractor.extract(audio), atol=1e-5)
    assert source.is_over


def test_a_microphone_gives_a_frame_when_its_look_ahead_has_been_heard_with_its_own_sound():
    audio = np.random.default_rng(0).normal(0, 0.1, 8 * 640).astype(np.float32)
    source = Microphone(drive())
    source.begin()
    source.hear(audio)
    assert source.wait(10)
    frames = [source.take() for _ in range(7)]
    np.testing.assert_array_equal(np.concatenate([frame.sound for frame in frames]), audio[: 7 * 640])
    np.testing.assert_allclose(
        np.stack([frame.row for frame in frames]), drive().extractor.extract(audio)[:7], atol=1e-5
    )
    source.stop()
    source._thread.join(10)
    assert not source._thread.is_alive()


def test_a_microphone_that_nobody_reads_keeps_little():
    source = Microphone(drive())
    source._frames.extend([Frame(sound=None, row=REST)] * (MOST_BACKLOG + 1))
    source._shorten()
    assert len(source._frames) == KEPT_BACKLOG


def test_a_failure_while_rows_are_made_is_kept_as_one_line():
    source = Given(None)
    source.begin()
    assert source.wait(10)
    assert source.failure == "'NoneType' object is not iterable"


def test_the_look_ahead_of_a_head_is_that_of_its_features_and_three_frames_of_its_window():
    assert drive().look_ahead == 1 + 3
