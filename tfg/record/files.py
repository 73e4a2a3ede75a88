"""Files that are whole or not there: temporary name, fsync, rename; and a checksum beside those that are read back for their numbers.

`<file>.sha256` is in the format of the `sha256sum` command. Standard library only.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ABANDONED_SECONDS = 3600.0
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a full quota, a limit on the size of files
NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EACCES: "change its folder's rights",
    errno.EPERM: "change its folder's rights",
    errno.EROFS: "make its file system writable",
}


def no_room(error: OSError, place: object) -> str:
    """What is wrong and what to do about it, of an error that is one of NO_ROOM; `place`: named where the error names no file."""
    named = error.filename or place
    if error.errno == errno.ENOSPC:
        return f"no space left on the disk of {named}; free some"
    return f"{named} cannot grow to the size that it needs ({error.strerror}); {remedy(error)}"


def remedy(error: OSError) -> str:
    """Of a file that cannot be written."""
    return _REMEDIES.get(error.errno or 0, "check its path")


@contextmanager
def naming(path: Path, partial: Path | None = None) -> Iterator[None]:
    """An OSError names the file that was to be written, also where the write to an open file failed, or that of `partial`.

    `partial`: the temporary file or folder that becomes `path`.
    """
    try:
        yield
    except OSError as error:
        given = error.filename
        if given is None or (partial is not None and Path(str(given)).is_relative_to(partial)):
            error.filename = str(path)
        raise


def write_json(path: Path, record: Any) -> Path:
    """Whole or not at all. NaN and infinity are refused except as strings."""
    return write_text(path, json.dumps(record, indent=1, allow_nan=False))


def write_text(path: Path, text: str) -> Path:
    """Whole or not at all; nothing is left of a failed attempt."""
    partial = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with naming(path, partial):
            partial.write_text(text)
            return put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` have left: temporary files of more than an hour ago."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        with suppress(FileNotFoundError):  # another process does the same
            if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                left.unlink()


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which at the end takes the place of `folder`; nothing is left of a failed attempt.

    Between its two renames there is no folder at all, never half of one.
    """
    partial, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{what}") for what in ("part", "old"))
    try:
        with naming(folder, partial):
            partial.mkdir()
            yield partial
            if folder.exists():
                folder.rename(old)
            partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put(partial: Path, path: Path) -> Path:
    """Make a finished temporary file the file of that name, once its bytes are on the disk."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def seal(partial: Path, path: Path) -> Path:
    """`put`, and the checksum beside it. Killed in between, the file counts as damaged and is made anew."""
    line = f"{checksum(partial)}  {path.name}\n"  # before: the moment in between stays short
    put(partial, path)
    write_text(seal_of(path), line)
    return path


def seal_written(path: Path) -> Path:
    """The checksum beside a file that has just been put in place by other means."""
    write_text(seal_of(path), f"{checksum(path)}  {path.name}\n")
    return path


def is_sealed(path: Path) -> bool:
    """Whether the file is there with exactly the bytes that `seal` put in place."""
    try:
        return seal_of(path).read_text().split(maxsplit=1)[:1] == [checksum(path)]
    except (OSError, UnicodeDecodeError):
        return False


def seal_of(path: Path) -> Path:
    """Where the checksum of a file is."""
    return path.with_name(path.name + ".sha256")


def checksum(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep(path: Path, copy: Path) -> None:
    """Make `copy` the same sealed file, which stays in its place until the next one is put there."""
    partial = copy.with_name(copy.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        try:
            os.link(path, partial)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, partial)
        put(partial, copy)
        write_text(seal_of(copy), seal_of(path).read_text().replace(path.name, copy.name))
    finally:
        partial.unlink(missing_ok=True)
