"""Opens a media file or says in one line why not. Every error of FFmpeg that a user can cause is turned into an InputError here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tfg.types import InputError

VIDEO_REMEDY = "give a video with sound that a media player can play"
_NO_MEDIA = "is not a media file that FFmpeg can open"


@contextmanager
def open_media(path: Path, fault: str = _NO_MEDIA, remedy: str = VIDEO_REMEDY) -> Iterator[InputContainer]:
    """An open FFmpeg container, closed at the end of the block."""
    container = open_container(path, fault, remedy)
    try:
        yield container
    finally:
        container.close()


def open_container(path: Path, fault: str = _NO_MEDIA, remedy: str = VIDEO_REMEDY) -> InputContainer:
    """An open FFmpeg container; InputError when there is no such file or it is not media, which is then its `fault`."""
    if path.is_dir():
        raise InputError(f"{path}: is a directory; {remedy}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; check its path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty (0 bytes); copy or download it again")
    try:
        return av.open(f"file:{path}", "r")  # a colon or a per cent sign in a name means nothing to FFmpeg then
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions") from None
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: {fault}, or it was cut off ({_reason(error)}); {remedy}") from None


@contextmanager
def decoding(path: Path, what: str) -> Iterator[None]:
    """Turns a decoder's error inside the block into one line that names the file."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise InputError(
            f"{path}: its {what} cannot be decoded ({_reason(error)}); re-encode it, for example with `ffmpeg -i IN OUT.mp4`"
        ) from None


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not a cover image."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise InputError(f"{path}: has no picture, only sound; {VIDEO_REMEDY}")


def _reason(error: av.error.FFmpegError) -> str:
    return str(error.strerror or error)
