"""Opens a media file or says in one line why not. Every error of FFmpeg that a user can cause is turned into an InputError here.

Of the kinds of files that FFmpeg knows only those that hold pictures and sound themselves are opened: a playlist names other files or
addresses, which are then read in its place.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from tfg.clip.limits import MediaLimits
from tfg.clip.whole import is_cut_off
from tfg.types import InputError

VIDEO_REMEDY = "give a video with sound that a media player can play"
_NO_MEDIA = "is not a media file that FFmpeg can open"
CUT_OFF_REMEDY = "copy or download it again"
_RE_ENCODE = "re-encode it, for example with `ffmpeg -i IN OUT.mp4`"
FORMATS = (  # demuxers of FFmpeg, by one of their names
    *("mp4", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "asf", "flv", "ogg", "gif", "mxf", "rm", "dv", "nut"),
    *("h264", "hevc", "m4v", "ivf", "mjpeg", "yuv4mpegpipe"),
    *("wav", "w64", "mp3", "aac", "flac", "aiff", "au", "amr", "ac3", "eac3", "caf"),
)
# What PyAV raises for damaged files beside FFmpeg's own errors: late streams, texts that are no UTF-8, numbers beyond 64 bits
MEDIA_ERRORS = (av.error.FFmpegError, IndexError, UnicodeDecodeError, OverflowError)


@contextmanager
def open_media(
    path: Path, limits: MediaLimits, fault: str = _NO_MEDIA, remedy: str = VIDEO_REMEDY
) -> Iterator[InputContainer]:
    """An open FFmpeg container, closed at the end of the block."""
    container = open_container(path, limits, fault, remedy)
    try:
        yield container
    finally:
        container.close()


def open_container(
    path: Path, limits: MediaLimits, fault: str = _NO_MEDIA, remedy: str = VIDEO_REMEDY
) -> InputContainer:
    """An open FFmpeg container; InputError when there is no such file or it is not media, which is then its `fault`.

    To find out what it holds FFmpeg decodes pictures, none of which is larger than the limits allow.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a directory; {remedy}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; check its path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty (0 bytes); copy or download it again")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(FORMATS),
        "max_pixels": str(limits.max_pixels),
    }
    try:  # `file:`: a colon or a per cent sign in a name means nothing to FFmpeg then
        return av.open(f"file:{path}", "r", options=options, metadata_errors="replace")
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions") from None
    except (*MEDIA_ERRORS, MemoryError) as error:
        if is_cut_off(path):
            raise InputError(f"{path}: is cut off ({_reason(error)}); {CUT_OFF_REMEDY}") from None
        if _is_playlist(path):
            raise InputError(f"{path}: is a playlist, which is not opened; give the video itself") from None
        if getattr(error, "errno", None) == errno.EINVAL:
            raise InputError(
                f"{path}: is damaged, or of a kind that is not opened (playlist, list of files, subtitles, single picture); {remedy}"
            ) from None
        raise InputError(f"{path}: {fault} ({_reason(error)}); {remedy}") from None


def _is_playlist(path: Path) -> bool:
    """Of the kinds m3u8, pls and FFmpeg's own list of files."""
    with path.open("rb") as file:
        return file.read(16).lstrip(b"\xef\xbb\xbf").startswith((b"#EXTM3U", b"[playlist]", b"ffconcat "))


@contextmanager
def decoding(path: Path, what: str) -> Iterator[None]:
    """Turns a decoder's error inside the block into one line that names the file."""
    try:
        yield
    except MemoryError:
        raise InputError(
            f"{path}: its {what} needs more memory than this process may have; give a shorter or smaller one"
        ) from None
    except MEDIA_ERRORS as error:
        raise InputError(f"{path}: its {what} cannot be decoded ({_reason(error)}); {_RE_ENCODE}") from None


def picture_stream(container: InputContainer, path: Path, limits: MediaLimits) -> VideoStream:
    """The first video stream that is not a cover image, whose pictures are within the limits; no larger one will be decoded."""
    for stream in _moving(container):
        check_decoder(stream, path, "picture")
        width, height = stream.codec_context.width, stream.codec_context.height
        limits.check_size(path, *((width, height) if width and height else _refused_size(path, limits)))
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        return stream
    raise InputError(f"{path}: has no picture, only sound; {VIDEO_REMEDY}")


def has_picture(path: Path, limits: MediaLimits) -> bool:
    """Whether it is a video, not sound with or without a cover image; InputError where it cannot be opened."""
    with open_media(path, limits) as container:
        return bool(_moving(container))


def _moving(container: InputContainer) -> list[VideoStream]:
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _refused_size(path: Path, limits: MediaLimits) -> tuple[int, int]:
    """(width, height) of the picture that FFmpeg did not decode since it is too large; it says so in its log alone. (0, 0) without."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as log, open_media(path, limits):
            pass
    finally:
        av.logging.set_level(before)
    found = re.search(r"Picture size (\d+)x(\d+) is invalid", " ".join(text for _, _, text in log))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def check_decoder(stream: Stream, path: Path, what: str) -> None:
    """InputError where there is no decoder for a stream."""
    if stream.codec_context is None:
        raise InputError(f"{path}: FFmpeg has no decoder here for its {what}; {_RE_ENCODE}")


def _reason(error: Exception) -> str:
    """In one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
