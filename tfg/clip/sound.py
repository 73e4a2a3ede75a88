"""Sound tracks: decoded once, mixed to mono, placed by their time stamps, resampled to 16 kHz."""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from pathlib import Path

import av
import numpy as np

from tfg.clip.container import decoding, open_media
from tfg.types import SAMPLE_RATE, Floats, InputError

GAP_TOLERANCE = 0.02  # seconds; smaller steps between time stamps are rounding of the container, not silence
SOUND_REMEDY = "give a wav, or any file with a sound track"
NO_SOUND = "no sound in it"
SPARE_SECONDS = 1  # decoded beyond the end that is asked for, so that the resampler has its surroundings


def read_audio(path: str | Path, longest: float | None = None) -> Floats:
    """(samples,) mono 16 kHz in [-1, 1] of any sound or video file, from its first sample on.

    InputError where it is longer than `longest` seconds; no more than these are ever in memory.
    """
    track, _, rate = _decode_mono(Path(path).expanduser(), None, longest)
    return _limit(resample(track, rate))


def read_aligned_audio(path: Path, start: Fraction, num_samples: int) -> Floats:
    """(num_samples,) mono 16 kHz in [-1, 1] from the container's time `start` (seconds) on; zeros where there is no sound."""
    track, begin, rate = _decode_mono(path, start + Fraction(num_samples, SAMPLE_RATE) + SPARE_SECONDS)
    offset = round((begin - start) * SAMPLE_RATE)
    sound = resample(track, rate)[max(0, -offset) :]
    before = min(max(0, offset), num_samples)
    sound = sound[: num_samples - before]
    return _limit(np.pad(sound, (before, num_samples - before - len(sound))))


def resample(sound: Floats, rate: int, target: int = SAMPLE_RATE) -> Floats:
    """Windowed-sinc polyphase resampling without delay: -6 dB at 0.96 of the lower Nyquist, aliases below -80 dB."""
    if rate == target:
        return sound
    shared = gcd(rate, target)
    up, down = target // shared, rate // shared
    widest = max(up, down)
    from scipy import signal  # slow to import, and no mistake waits for it

    taps = signal.firwin(2 * 32 * widest + 1, 0.96 / widest, window=("kaiser", 8.0)).astype(np.float32)
    return signal.resample_poly(sound, up, down, window=taps)


def _limit(sound: Floats) -> Floats:
    return np.clip(sound, -1, 1).astype(np.float32, copy=False)


def _decode_mono(path: Path, stop: Fraction | None, longest: float | None = None) -> tuple[Floats, Fraction, int]:
    """Mono samples at the file's own rate up to about `stop`, the container's time of the first one in seconds, the rate."""
    pieces: list[tuple[int, Floats]] = []  # place in samples, samples
    begin = Fraction(0)
    end = 0
    with open_media(path, NO_SOUND, SOUND_REMEDY) as container, decoding(path, "sound"):
        if not container.streams.audio:
            raise InputError(f"{path}: {NO_SOUND}; {SOUND_REMEDY}")
        stream = container.streams.audio[0]
        rate = stream.rate
        mono = av.AudioResampler(
            format="s32", layout="mono", rate=rate
        )  # FFmpeg scales a mix to full range only in integers
        for frame in container.decode(stream):
            moment = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            if moment is not None and stop is not None and moment > stop:
                break
            if not pieces:
                begin = moment or Fraction(0)
            if moment is not None:
                stamped = round((moment - begin) * rate)
                end = stamped if abs(stamped - end) > GAP_TOLERANCE * rate else end
            if longest is not None and end + frame.samples > longest * rate:
                raise InputError(f"{path}: its sound is longer than {longest:g} s, which is the most")
            frame.pts = None  # placed here, not by the mixer
            for mixed in mono.resample(frame):
                samples = mixed.to_ndarray().ravel().astype(np.float32) * np.float32(2.0**-31)
                if end >= 0:
                    pieces.append((end, samples))
                end += len(samples)
    if not pieces:
        raise InputError(f"{path}: its sound track is empty; give a file with speech")
    track = np.zeros(max(place + len(samples) for place, samples in pieces), np.float32)
    for place, samples in pieces:
        track[place : place + len(samples)] = samples
    return track, begin, rate
