"""Small videos made for the tests of `tfg/clip/`: any rate, container, size, rotation flag and sound layout."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICKS = 90_000  # a second


def grey_frames(num: int, height: int = 48, width: int = 64, step: int = 3) -> list[np.ndarray]:
    """Flat pictures whose grey level tells their number: 20 + step * number."""
    return [np.full((height, width, 3), 20 + step * number, np.uint8) for number in range(num)]


def number_of(images: np.ndarray, step: int = 3) -> list[int]:
    """The numbers of the pictures that `grey_frames` made."""
    return np.round((images.mean(axis=(1, 2, 3)) - 20) / step).astype(int).tolist()


def make_video(
    path: Path,
    images: list[np.ndarray],
    times: list[float],
    *,
    sound: np.ndarray | None = None,  # (channels, samples) float32
    sound_rate: int = 48_000,
    sound_start: float = 0.0,  # seconds
    layout: str = "mono",
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    colours: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """Pictures shown from `times` (seconds) on; the last one lasts as long as the one before."""
    with av.open(f"file:{path}", "w", options=options or {}) as container:
        height, width = images[0].shape[:2]
        rate = Fraction(len(images) - 1).limit_denominator() / Fraction(times[-1] - times[0]).limit_denominator(1001)
        video = container.add_stream(video_codec, rate=rate.limit_denominator(1001))
        video.width, video.height, video.pix_fmt = width, height, colours
        video.codec_context.time_base = (
            1 / rate if path.suffix == ".avi" or video_codec != "libx264" else Fraction(1, TICKS)
        )
        video.bit_rate = 4_000_000
        if video_codec == "libx264":
            video.options = {"crf": "4", "g": "12"}
        if sound is not None:
            audio = container.add_stream(audio_codec, rate=sound_rate, layout=layout)
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=colours)
            frame.time_base = video.codec_context.time_base
            frame.pts = round(time / frame.time_base)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = sound_rate, Fraction(1, sound_rate)
            frame.pts = round(sound_start * sound_rate)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def tone(seconds: float, rate: int = 48_000, hertz: float = 440.0, channels: int = 1) -> np.ndarray:
    """(channels, samples) sine of amplitude 0.5."""
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def flag_rotation(path: Path, clockwise: int) -> None:
    """Write the display matrix of a phone into the first video track of an mp4: players turn the picture clockwise by it."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: 4 version+flags, 20 times and id, 8 + 8 reserved, layer, volume
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[clockwise]
    matrix = [cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30]
    data[place : place + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(bytes(data))
