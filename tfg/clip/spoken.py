"""A text as sound, read aloud by espeak-ng."""

from __future__ import annotations

import numpy as np

from tfg.clip.sound import resample
from tfg.types import SAMPLES_PER_FRAME, Floats, InputError

LONGEST_TEXT = 5000  # characters, about five minutes


def read_aloud(text: str, given_as: str = "--say") -> Floats:
    """(samples,) mono 16 kHz in [-1, 1] of an English text; the same text gives the same samples.

    InputError, which begins with `given_as`, where it says nothing.
    """
    if not text.strip():
        raise InputError(f"{given_as}: the text is empty; give what is to be said")
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"{given_as}: {len(text)} characters are too many, at most {LONGEST_TEXT}; say it in parts, or give a recording"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{given_as}: the text is not UTF-8; give it in the encoding of your terminal") from None
    try:
        from tfg.clip.synthetic.espeak import Voice, speak
    except ImportError:
        raise InputError(
            f"{given_as}: the package espeakng-loader is missing; `pip install espeakng-loader`, or give a recording"
        ) from None
    (utterance,) = speak([text], Voice())
    sound = resample(utterance.samples.astype(np.float32) * np.float32(2.0**-15), utterance.sample_rate)
    if len(sound) < SAMPLES_PER_FRAME or not sound.any():
        raise InputError(f"{given_as}: there is no word in the text that can be spoken; give letters or numbers")
    return np.clip(sound, -1, 1).astype(np.float32)
