"""A text read aloud by espeak-ng, and what cannot be read."""

import sys

import numpy as np
import pytest

from tfg.clip.spoken import LONGEST_TEXT, read_aloud
from tfg.types import SAMPLE_RATE, InputError


def test_a_text_is_sound_at_16_khz_and_the_same_each_time():
    sound = read_aloud("Good morning, how are you?")
    assert sound.dtype == np.float32
    assert 1.0 < len(sound) / SAMPLE_RATE < 3.0  # five words at 160 a minute, and espeak's pauses
    assert 0.05 < np.abs(sound).max() <= 1.0
    assert np.array_equal(sound, read_aloud("Good morning, how are you?"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "--say: the text is empty; give what is to be said"),
        (" \n", "--say: the text is empty; give what is to be said"),
        ("...", "--say: there is no word in the text that can be spoken; give letters or numbers"),
        (
            "a" * (LONGEST_TEXT + 1),
            "--say: 5001 characters are too many, at most 5000; say it in parts, or give a recording",
        ),
        ("\udcff", "--say: the text is not UTF-8; give it in the encoding of your terminal"),
    ],
)
def test_what_cannot_be_said_is_one_line(text, line):
    with pytest.raises(InputError) as caught:
        read_aloud(text)
    assert str(caught.value) == line


def test_without_espeak_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "tfg.clip.synthetic.espeak", None)
    with pytest.raises(
        InputError, match="--say: the package espeakng-loader is missing; `pip install espeakng-loader`"
    ):
        read_aloud("hello")
