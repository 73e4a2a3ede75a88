"""Where a folder of pages may be written: never over files that are not its own. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tfg.types import InputError

HEAD_BYTES = 4096  # of a page, in which it says what wrote it


def free(folder: Path, option: str, noun: str, is_ours: Callable[[Path], bool]) -> Path:
    """The real folder, if it is new, empty, or holds such pages and nothing else; InputError names the option where not."""
    found = folder.expanduser().resolve()
    if not found.parent.is_dir():
        raise InputError(f"{option} {folder}: its folder does not exist; make it first")
    if found.exists() and not found.is_dir():
        raise InputError(f"{option} {folder}: is a file; name a new folder")
    if found.is_dir() and any(found.iterdir()) and not is_ours(found):
        raise InputError(f"{option} {folder}: holds files that are not a {noun}'s; name a new folder")
    if found.is_dir() and (found == Path.cwd() or found in Path.cwd().parents):
        raise InputError(f"{option} {folder}: is the folder you work in; name a new one")
    return found


def is_written_by(index: Path, generator: str) -> bool:
    """Whether a page holds the mark of its writer near its beginning."""
    if not index.is_file():
        return False
    with index.open("rb") as file:
        return generator.encode() in file.read(HEAD_BYTES)
