"""Text and files to sound, within limits of bytes and seconds; InputError says in one line what is wrong."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfg.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Floats, InputError

MOST_CHARACTERS = 1000  # of a text: about a minute


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one file or text."""

    most_bytes: int
    most_seconds: float

    def __post_init__(self) -> None:
        if self.most_bytes <= 0:
            raise InputError("--most-mb: must be above 0")
        if not 1 / FPS <= self.most_seconds <= 3600:
            raise InputError(f"--most-seconds {self.most_seconds:g}: must lie in [0.04, 3600]")


def spoken(text: str, limits: Limits) -> Floats:
    """(num_samples,) 16 kHz: espeak-ng's voice of a text, which is no markup."""
    words = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if not words:
        raise InputError("the text is empty; type a sentence")
    if len(words) > MOST_CHARACTERS:
        raise InputError(f"the text has {len(words)} characters; {MOST_CHARACTERS} at most can be said at once")
    from tfg.clip.spoken import read_aloud

    return _whole_frames(read_aloud(words, "the text"), "the text", limits)


def read(content: bytes, limits: Limits) -> Floats:
    """(num_samples,) 16 kHz of a file's bytes. It is kept under a name of ours while it is read, and removed."""
    if not content:
        raise InputError("the file is empty; give a wav, or any file with a sound track")
    from tfg.clip.sound import read_audio

    with tempfile.TemporaryDirectory(prefix="tfg-live-") as folder:
        path = Path(folder) / "sound"
        path.write_bytes(content)
        try:
            sound = read_audio(path, longest=limits.most_seconds)
        except InputError as error:
            raise InputError(str(error).replace(str(path), "the file")) from error
    return _whole_frames(sound, "the file", limits)


def _whole_frames(sound: Floats, name: str, limits: Limits) -> Floats:
    if len(sound) < SAMPLES_PER_FRAME:
        raise InputError(f"{name}: shorter than one frame (0.04 s); give more speech")
    if len(sound) > limits.most_seconds * SAMPLE_RATE:
        raise InputError(f"{name}: longer than {limits.most_seconds:g} s, which is the most (--most-seconds)")
    left = -len(sound) % SAMPLES_PER_FRAME
    return np.pad(sound, (0, left))
