"""Checksums of pretrained files: of the bytes, of git's blob, and of an npz file's arrays whatever archive holds them."""

from __future__ import annotations

import hashlib
import zipfile
from functools import cache
from pathlib import Path

from tfg.assets.catalogue import Asset
from tfg.record import files
from tfg.record.arrays import NPZ_ERRORS, read_npz

MOST_BYTES = 1 << 30  # of the arrays of one file


def checksum(path: Path) -> str:
    """sha256 of a file, in hex; taken once a process, unless the file has been replaced or written to since."""
    now = path.stat()
    return _checksum(path.absolute(), now.st_ino, now.st_mtime_ns, now.st_size)


@cache
def _checksum(path: Path, inode: int, mtime_ns: int, size: int) -> str:
    """Of the file as these numbers show it."""
    return files.checksum(path)


def blob_id(path: Path) -> str:
    """The name git gives a file: sha1 of 'blob <size>', a zero byte and the content, in hex."""
    total = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def content_sum(path: Path) -> str | None:
    """sha256 over name, type, shape and bytes of an npz file's arrays, sorted by name; None where it is no npz of plain arrays."""
    total = hashlib.sha256()
    if not zipfile.is_zipfile(path):
        return None
    try:
        for name, array in sorted(read_npz(path, MOST_BYTES).items()):
            total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            total.update(array.tobytes())
    except NPZ_ERRORS:
        return None
    return total.hexdigest()


def same_content(path: Path, known: Asset) -> bool:
    """Whether the file holds the known arrays, in whatever archive."""
    return known.content_sha256 is not None and content_sum(path) == known.content_sha256


def fault(path: Path, known: Asset) -> str | None:
    """None where the file is the known one, or nothing is known to compare; else both sums."""
    if known.sha256 is not None:
        found = checksum(path)
        if found == known.sha256 or same_content(path, known):
            return None
        return f"sha256 {found}, expected {known.sha256}"
    if known.blob is not None:
        found = blob_id(path)
        return None if found == known.blob else f"git blob id {found}, expected {known.blob}"
    return None
