"""Damaged copies of media files, deterministic by name: cut, with flipped bits, moved blocks, edited headers and time stamps."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CUTS = (1, 16, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.995, -1)  # kept: bytes from 1 on, a share, or all but one
DENSITIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # flipped bits a bit
EXTREMES = (0, 1, 0x7F, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# Fields of headers: the four letters of a box or a chunk, or a Matroska element's id.
BOXES = (
    *(b"mvhd", b"tkhd", b"mdhd", b"elst", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"stsd", b"avc1"),
    *(b"mp4a", b"esds", b"avcC", b"trun", b"tfhd", b"tfdt", b"trex", b"hdlr"),
)
CHUNKS = (b"avih", b"strh", b"strf", b"idx1", b"movi", b"fmt ", b"data")
ELEMENTS = (  # time scale, duration, width, height, sampling rate, channels, cluster time, track number, codec private
    *(b"\x2a\xd7\xb1", b"\x44\x89", b"\xb0", b"\xba", b"\xb5", b"\x9f", b"\xe7", b"\xd7", b"\x63\xa2"),
)


def damaged(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """(kind of damage, what exactly, bytes) of every damaged copy of a file."""
    data = path.read_bytes()
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    for keep in CUTS:
        length = len(data) - 1 if keep < 0 else keep if keep >= 1 else round(keep * len(data))
        yield "cut off", f"{length} bytes", data[: int(length)]
    for density in DENSITIES:
        for turn in range(2):
            yield (
                "flipped bits",
                f"{density:g} a bit, {turn}",
                _flipped(data, max(1, round(density * 8 * len(data))), rng),
            )
    for length in (64, 1024):
        for count in (1, 8, 64):
            for turn in range(2):
                place = f"first {length} bytes, {count} bits, {turn}"
                yield "flipped bits in the header", place, _flipped(data[:length], count, rng) + data[length:]
                yield "flipped bits at the end", place, data[:-length] + _flipped(data[-length:], count, rng)
    yield from _blocks(data, rng)
    fields = {".mp4": BOXES, ".mov": BOXES, ".mkv": ELEMENTS, ".webm": ELEMENTS, ".avi": CHUNKS, ".wav": CHUNKS}
    yield from _edited(data, fields.get(path.suffix, ()), rng)
    if path.suffix in (".ts", ".mpg"):
        yield from _stamped(data, rng)


def _flipped(data: bytes, count: int, rng: np.random.Generator) -> bytes:
    values = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(0, 8 * len(values), count)
    np.bitwise_xor.at(values, places // 8, (1 << (places % 8)).astype(np.uint8))
    return values.tobytes()


def _blocks(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, str, bytes]]:
    """Blocks that are zeroed, lost, doubled, filled with noise or exchanged, and what stands around the file."""
    length = len(data)
    for share in (0.01, 0.2):
        size = max(1, round(share * length))
        start = int(rng.integers(0, length - size))
        stop = start + size
        noise = rng.bytes(size)
        yield "blocks", f"zeros {start}", data[:start] + bytes(size) + data[stop:]
        yield "blocks", f"lost {start}", data[:start] + data[stop:]
        yield "blocks", f"doubled {start}", data[:stop] + data[start:]
        yield "blocks", f"noise {start}", data[:start] + noise + data[stop:]
    yield "blocks", "halves exchanged", data[length // 2 :] + data[: length // 2]
    yield "blocks", "noise before", rng.bytes(1000) + data
    yield "blocks", "noise after", data + rng.bytes(100_000)
    yield "blocks", "twice", data + data


def _edited(data: bytes, fields: tuple[bytes, ...], rng: np.random.Generator) -> Iterator[tuple[str, str, bytes]]:
    """32-bit numbers after the name of a field, set to extremes."""
    for field in fields:
        places = _places(data, field)
        for turn, value in enumerate(rng.permutation(EXTREMES)[:3].tolist() if places else ()):
            start = places[turn % len(places)] + len(field)
            inside = start + (4 * int(rng.integers(0, 6)) if len(field) == 4 else 1)
            order = "<" if field in CHUNKS else ">"
            text = f"{field!r} {turn}: {value:#x} at {inside}"
            yield "edited headers", text, data[:inside] + struct.pack(f"{order}I", value) + data[inside + 4 :]


def _places(data: bytes, field: bytes, most: int = 3) -> list[int]:
    found: list[int] = []
    place = data.find(field)
    while place >= 0 and len(found) < most:
        found.append(place)
        place = data.find(field, place + 1)
    return found


def _stamp(time: int) -> bytes:
    """A presentation time of 33 bits in five bytes, ISO 13818-1 section 2.4.3.6."""
    high, middle, low = time >> 30, (time >> 15) & 0x7FFF, time & 0x7FFF
    return bytes([0x21 | high << 1]) + struct.pack(">HH", middle << 1 | 1, low << 1 | 1)


def _stamped(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, str, bytes]]:
    """33-bit time stamps of MPEG, moved to anywhere: of one packet, of half of them, of all."""
    places = [place for start in (b"\x00\x00\x01\xe0", b"\x00\x00\x01\xc0") for place in _places(data, start, 1000)]
    for share in (0.0, 0.1, 0.5, 1.0):
        for turn in range(3):
            values = bytearray(data)
            chosen = [place for place in places if rng.random() < share] or places[turn : turn + 1]
            for place in chosen:
                if place + 14 <= len(values):
                    values[place + 9 : place + 14] = _stamp(int(rng.integers(0, 1 << 33)))
            yield "edited time stamps", f"a share of {share:g}, {turn}", bytes(values)
