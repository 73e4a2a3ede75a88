"""Two files made comparable: what is resampled, cut, resized or refused, and that it is said."""

from __future__ import annotations

import re

import numpy as np
import pytest
from clip_media import tone

from tfg.clip.write import write_video
from tfg.scoring.videos import compare
from tfg.types import InputError


def video(path, seconds=1.0, size=(32, 48), fps=25, sound=True):
    """A grey video whose level rises by 4 a frame."""
    count = round(seconds * fps)
    images = (np.arange(count) * 4 % 200 + 20).astype(np.uint8)[:, None, None, None] * np.ones((1, *size, 3), np.uint8)
    write_video(path, images, tone(seconds, rate=16_000)[0] if sound else None, fps=fps)
    return path


@pytest.fixture
def pair(tmp_path):
    return video(tmp_path / "made.mp4"), video(tmp_path / "true.mp4")


def test_equal_files_are_compared_as_they_are(pair):
    shown = compare(*pair, None, resize=False)
    assert shown.prediction.shape == shown.truth.shape == (25, 32, 48)
    assert shown.notes == ()
    assert shown.where == "25 frames of 48x32 at 25 fps decoded from the files"
    assert len(shown.audio) == 25 * 640


def test_a_longer_video_is_cut_and_that_is_said(pair, tmp_path):
    longer = video(tmp_path / "long.mp4", seconds=1.4)
    shown = compare(longer, pair[1], None, resize=False)
    assert shown.truth.shape[0] == shown.prediction.shape[0] == 25
    assert shown.notes == ("cut to the first 25 frames, the prediction has 35",)
    assert shown.notes[0] in shown.where


def test_another_rate_is_resampled_by_time_stamps_and_that_is_said(pair, tmp_path):
    fast = video(tmp_path / "fast.mp4", fps=50)
    shown = compare(fast, pair[1], None, resize=False)
    assert shown.prediction.shape[0] == 25
    assert shown.notes == ("prediction resampled from 50.00 to 25 frames a second by time stamps",)


def test_another_size_is_an_error_unless_resizing_is_asked_for(pair, tmp_path):
    large = video(tmp_path / "large.mp4", size=(64, 96))
    with pytest.raises(InputError, match=r"large\.mp4 is 96x64 and .*true\.mp4 is 48x32; give --resize"):
        compare(large, pair[1], None, resize=False)
    shown = compare(large, pair[1], None, resize=True)
    assert shown.prediction.shape == (25, 32, 48)
    assert shown.notes == ("prediction resized from 96x64 to 48x32",)
    here = shown.prediction.frames(3, 5)
    assert np.abs(here.astype(int) - shown.truth.frames(3, 5)).max() <= 2
    square = video(tmp_path / "square.mp4", size=(64, 64))
    with pytest.raises(InputError, match="would change the shape of the face"):
        compare(square, pair[1], None, resize=True)


def test_sound_is_the_given_one_else_the_predictions_else_the_truths(pair, tmp_path):
    silent = video(tmp_path / "silent.mp4", sound=False)
    assert compare(silent, None, None, resize=False).audio is None
    shown = compare(silent, pair[1], None, resize=False)
    assert shown.notes == ("sound of the truth, the prediction has none",)
    assert np.abs(shown.audio).max() > 0.01
    other = video(tmp_path / "other.mp4", seconds=0.6)
    shown = compare(pair[0], None, other, resize=False)
    assert re.fullmatch(r"sound of other\.mp4 \(0\.6\d s\) cut or padded to 1\.00 s", shown.notes[0])  # AAC pads
    assert not shown.audio[int(0.7 * 16000) :].any()


def test_unusable_files_are_one_line(pair, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"text\.mp4"):
        compare(tmp_path / "text.mp4", pair[1], None, resize=False)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match=r"empty\.mp4"):
        compare(pair[0], tmp_path / "empty.mp4", None, resize=False)
    with pytest.raises(InputError, match="is a folder; give a video"):
        compare(tmp_path, pair[1], None, resize=False)
