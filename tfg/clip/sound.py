"""Sound tracks: decoded once, mixed to mono, placed by their time stamps, resampled to 16 kHz."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from math import gcd
from pathlib import Path

import av
import numpy as np

from tfg.clip.container import check_decoder, decoding, open_media
from tfg.clip.limits import MediaLimits, default_limits
from tfg.types import SAMPLE_RATE, Floats, InputError

GAP_TOLERANCE = 0.02  # seconds; smaller steps between time stamps are rounding of the container, not silence
SOUND_REMEDY = "give a wav, or any file with a sound track"
NO_SOUND = "no sound in it"
SPARE_SECONDS = 1  # decoded beyond the end that is asked for, so that the resampler has its surroundings


def read_audio(path: str | Path, longest: float | None = None, limits: MediaLimits | None = None) -> Floats:
    """(samples,) mono 16 kHz in [-1, 1] of any sound or video file, from its first sample on.

    InputError where it is longer than `longest` seconds, or more than the limits (of conf/ unless given) allow; no more than these are
    ever in memory.
    """
    track, _, rate = _decode_mono(Path(path).expanduser(), None, limits or default_limits(), longest)
    return _limit(resample(track, rate))


def read_aligned_audio(path: Path, start: Fraction, num_samples: int, limits: MediaLimits | None = None) -> Floats:
    """(num_samples,) mono 16 kHz in [-1, 1] from the container's time `start` (seconds) on; zeros where there is no sound.

    InputError where it is more than the limits (of conf/ unless given) allow.
    """
    stop = start + Fraction(num_samples, SAMPLE_RATE) + SPARE_SECONDS
    track, begin, rate = _decode_mono(path, stop, limits or default_limits())
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


def _decode_mono(
    path: Path, stop: Fraction | None, limits: MediaLimits, longest: float | None = None
) -> tuple[Floats, Fraction, int]:
    """Mono samples at the file's own rate up to about `stop`, the container's time of the first one in seconds, the rate."""
    pieces: deque[tuple[int, Floats]] = deque()  # place in samples, samples
    begin: Fraction | None = None
    end = reached = 0  # samples: of the piece before, of all
    with open_media(path, limits, NO_SOUND, SOUND_REMEDY) as container, decoding(path, "sound"):
        if not container.streams.audio:
            raise InputError(f"{path}: {NO_SOUND}; {SOUND_REMEDY}")
        stream = container.streams.audio[0]
        check_decoder(stream, path, "sound")
        rate = stream.rate
        limits.check_sound_rate(path, rate)
        if stop is None and stream.duration and stream.time_base:
            limits.check_length(path, "sound", float(stream.duration * stream.time_base))
        mono = av.AudioResampler(
            format="s32", layout="mono", rate=rate
        )  # FFmpeg scales a mix to full range only in integers
        for frame in container.decode(stream):
            moment = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            if moment is not None and stop is not None and moment > stop:
                break
            if begin is None:
                begin = moment or Fraction(0)
            if moment is not None:
                stamped = round((moment - begin) * rate)
                limits.check_gap(path, "sound", (stamped - end) / rate)
                end = stamped if abs(stamped - end) > GAP_TOLERANCE * rate else end
            if longest is not None and end + frame.samples > longest * rate:
                raise InputError(f"{path}: its sound is longer than {longest:g} s, which is the most")
            limits.check_length(path, "sound", (end + frame.samples) / rate)
            frame.pts = None  # placed here, not by the mixer
            for mixed in mono.resample(frame):
                samples = mixed.to_ndarray().ravel().astype(np.float32) * np.float32(2.0**-31)
                if end >= 0:
                    pieces.append((end, samples))
                end += len(samples)
                reached = max(reached, end)
        if begin is None or not pieces:
            raise InputError(f"{path}: its sound track is empty; give a file with speech")
        track = np.zeros(reached, np.float32)
        while pieces:  # each is given back once it is placed
            place, samples = pieces.popleft()
            track[place : place + len(samples)] = samples
    return track, begin, rate
