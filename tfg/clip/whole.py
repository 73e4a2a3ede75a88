"""Whether a media file has been cut off: its outermost structure states more bytes than there are."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_RIFF_OPEN = (0, 0xFFFFFFFF)  # sizes of a RIFF that was never finished: they state nothing


def is_cut_off(path: Path) -> bool:
    """Of ISO media (mp4, mov), Matroska and RIFF (avi, wav), which state their length in bytes; False for all others."""
    length = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[:4] == _EBML:
            stated = _end_of_matroska(file)
        elif start[:4] == b"RIFF":
            stated = _end_of_chunks(file, length)
        elif start[4:8] in (b"ftyp", b"wide", b"mdat", b"moov", b"free", b"skip"):
            stated = _end_of_boxes(file, length)
        else:
            return False
    return stated > length


def _end_of_boxes(file: BinaryIO, length: int) -> int:
    """Boxes of ISO 14496-12, section 4.2: 32 bits of size, 4 letters, 64 bits of size where the first are 1; 0: to the end."""
    place = 0
    while place < length:
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return place + 8
        size = int.from_bytes(head[:4])
        if size == 1:
            size = int.from_bytes(head[8:])
        if size == 0:
            return length
        if size < 8:
            return 0  # no box: damaged, and says nothing
        place += size
    return place


def _end_of_chunks(file: BinaryIO, length: int) -> int:
    place = 0
    while place < length:
        file.seek(place)
        head = file.read(8)
        size = int.from_bytes(head[4:], "little")
        if head[:4] != b"RIFF" or size in _RIFF_OPEN:
            return place
        place += 8 + size + size % 2
    return place


def _end_of_matroska(file: BinaryIO) -> int:
    """EBML header, then one segment (RFC 8794, section 6); 0 where its size is unknown, as in a live recording."""
    file.seek(4)
    header = _number(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return 0
    size = _number(file)
    return 0 if size is None else file.tell() + size


def _number(file: BinaryIO) -> int | None:
    """An EBML data size; None where it is unknown (all ones) or damaged."""
    first = file.read(1)
    width = 9 - first[0].bit_length() if first and first[0] else 0
    rest = file.read(width - 1) if width else b""
    if not width or len(rest) < width - 1:
        return None
    value = int.from_bytes(first + rest) & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else value
