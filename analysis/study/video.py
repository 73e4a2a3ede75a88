"""Excerpts of videos that say nothing of where they come from: one encoder, no metadata, all of one size in bytes."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tfg.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, InputError

_HEADER = 8  # bytes of an mp4 box: length, type


def excerpt(source: Path, target: Path, first: int, count: int, *, frozen: bool = False) -> int:
    """Frames [first, first + count) with their sound, encoded anew; how many there were. Frozen: the first one throughout.

    InputError names a file that cannot be read or has no frame there.
    """
    try:
        pictures, sound = _read(source, first, count)
    except (OSError, av.FFmpegError) as error:
        raise InputError(f"{source}: cannot be read as a video ({error}); make its run again") from error
    if not pictures:
        raise InputError(f"{source}: has no frame from {first / FPS:g} s on; give an earlier --first")
    if frozen:
        pictures = pictures[:1] * len(pictures)
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
        stream = out.add_stream("libx264", rate=FPS, options={"crf": "14", "preset": "veryfast"})
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        spoken = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=96_000)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        voice = av.AudioFrame.from_ndarray(sound[None, : len(pictures) * SAMPLES_PER_FRAME], "fltp", "mono")
        voice.sample_rate, voice.pts, voice.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        out.mux(spoken.encode(voice))
        out.mux(stream.encode(None))
        out.mux(spoken.encode(None))
    return len(pictures)


def alike(paths: list[Path]) -> None:
    """Every file padded by a `free` box, which players skip, to the bytes of the largest; all dated 1970."""
    size = max(path.stat().st_size for path in paths) + _HEADER
    for path in paths:
        missing = size - path.stat().st_size
        with path.open("ab") as file:
            file.write(missing.to_bytes(4, "big") + b"free" + bytes(missing - _HEADER))
        os.utime(path, (0, 0))


def _read(source: Path, first: int, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Up to `count` pictures (height, width, 3) from frame `first` on, and the sound from there, silent where there is none."""
    with av.open(str(source)) as media:
        if not media.streams.video:
            raise OSError("no pictures")
        pictures = []
        for number, frame in enumerate(media.decode(video=0)):
            if number >= first + count:
                break
            if number >= first:
                pictures.append(frame.to_ndarray(format="rgb24"))
    sound = np.zeros((first + count) * SAMPLES_PER_FRAME, np.float32)
    with av.open(str(source)) as media:
        if media.streams.audio:
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
            for decoded in media.decode(audio=0):
                for part in resampler.resample(decoded):
                    start = round((part.time or 0.0) * SAMPLE_RATE)
                    samples = part.to_ndarray()[0][max(0, -start) :]
                    place = sound[max(0, start) :]
                    place[: len(samples)] = samples[: len(place)]
    return pictures, sound[first * SAMPLES_PER_FRAME :]
