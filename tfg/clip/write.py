"""Pictures and sound to an mp4 that plays in every browser; streamed, and never left half written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from tfg.record.files import put, remedy
from tfg.types import FPS, SAMPLE_RATE, Bytes, Floats, InputError

# FFmpeg's numbers; written into the stream so that players agree on the colours
BT709, LIMITED_RANGE = 1, 1
# without these swscale and x264 choose other arithmetic on another processor, and x264 another on another number of cores
_CONVERSION = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_X264_PARAMS = "cpu-independent=1"
_THREADS = 2


def write_video(
    path: str | Path,
    images: Iterable[Bytes] | Bytes,
    audio: Floats | None,
    fps: int | float | Fraction = FPS,
    *,
    exact: bool = False,
) -> None:
    """H.264 (yuv420p) and AAC in an mp4 with its index first.

    With `exact` the bytes depend on pictures, sound and the release of PyAV alone: every choice of both encoders is made in whole
    numbers (constant quantiser, FLAC of 16 bits in place of AAC); the file is larger.

    `images` is (n, height, width, 3) uint8 or an iterator of (height, width, 3); odd sizes get their last row or column once more.
    `audio` is (samples,) mono 16 kHz, cut where the pictures end. The file appears whole, under its name, or not at all.
    """
    path = Path(path).expanduser()
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"movflags": "+faststart", "fflags": "+bitexact"}  # the latter leaves out FFmpeg's version
        with av.open(f"file:{partial}", "w", format="mp4", options=options) as container:
            _encode(container, images, audio, Fraction(fps).limit_denominator(1001), exact)
        put(partial, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be written ({reason}); {remedy(error)} or choose another folder") from error
    finally:
        if partial.exists():
            partial.unlink()


def _encode(
    container: OutputContainer, images: Iterable[Bytes], audio: Floats | None, rate: Fraction, exact: bool
) -> None:
    picture_stream: VideoStream | None = None
    sound_stream: AudioStream | None = None
    shape: tuple[int, ...] = ()
    written = 0  # samples
    number = -1
    converter = VideoReformatter()  # one for all: making one costs more than a small picture's conversion
    for number, image in enumerate(images):
        if picture_stream is None:
            shape = image.shape
            picture_stream = _picture_stream(container, shape[0] + shape[0] % 2, shape[1] + shape[1] % 2, rate, exact)
            sound_stream = _sound_stream(container, exact) if audio is not None else None
        if image.shape != shape or image.dtype != np.uint8:
            raise ValueError(f"write_video: picture {number} is {image.shape} {image.dtype}, expected {shape} uint8")
        even = np.pad(image, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame = converter.reformat(
            frame,
            format="yuv420p",
            dst_colorspace=BT709,
            dst_color_range=LIMITED_RANGE,
            interpolation=_CONVERSION,
            threads=1,
        )
        frame.pts, frame.time_base = number, 1 / rate
        container.mux(picture_stream.encode(frame))
        if audio is not None and sound_stream is not None:
            until = min(len(audio), round((number + 1) * SAMPLE_RATE / rate))
            if until > written:
                _mux_sound(container, sound_stream, audio[written:until], written)
            written = max(written, until)
    if picture_stream is None:
        raise ValueError("write_video: there is no picture to write")
    container.mux(picture_stream.encode(None))
    if sound_stream is not None:
        container.mux(sound_stream.encode(None))


def _picture_stream(container: OutputContainer, height: int, width: int, rate: Fraction, exact: bool) -> VideoStream:
    quality = {"qp": "18"} if exact else {"crf": "17"}
    params = f"{_X264_PARAMS}:weightp=0" if exact else _X264_PARAMS
    stream = container.add_stream(
        "libx264", rate=rate, options={**quality, "preset": "veryfast", "x264-params": params}
    )
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.thread_count, context.thread_type = _THREADS, "FRAME"
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = LIMITED_RANGE
    return stream


def _sound_stream(container: OutputContainer, exact: bool) -> AudioStream:
    if exact:
        return container.add_stream(
            "flac", rate=SAMPLE_RATE, layout="mono", format="s16", options={"lpc_type": "fixed"}
        )
    return container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=96_000)


def _mux_sound(container: OutputContainer, stream: AudioStream, samples: Floats, place: int) -> None:
    if stream.codec_context.name == "flac":
        whole = np.clip(np.rint(samples[None] * np.float32(2**15)), -(2**15), 2**15 - 1).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
    else:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[None], np.float32), format="fltp", layout="mono"
        )
    frame.sample_rate = SAMPLE_RATE
    frame.pts, frame.time_base = place, Fraction(1, SAMPLE_RATE)
    container.mux(stream.encode(frame))
