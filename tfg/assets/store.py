"""Where pretrained files are looked for, how a user's own file is adopted, and what is here."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tfg.assets import catalogue
from tfg.assets.catalogue import Asset, asset, named
from tfg.assets.sums import checksum, fault, same_content
from tfg.types import InputError


def cache_root() -> Path:
    """Where tfg keeps what it made or fetched: TFG_CACHE, else ~/.cache/tfg."""
    return Path(os.environ.get("TFG_CACHE") or Path.home() / ".cache" / "tfg")


def cached(known: Asset) -> Path:
    """Where a fetched or added file is kept."""
    return cache_root() / "assets" / known.filename


def search_folders() -> list[Path]:
    """Where files are looked for, in order: TFG_ASSETS, its weights folder, the cache."""
    folders = []
    if given := os.environ.get("TFG_ASSETS"):
        if not Path(given).is_dir():
            raise InputError(f"TFG_ASSETS={given}: no such folder; name one, or unset it")
        folders += [Path(given), Path(given) / "weights"]
    return [*folders, cache_root() / "assets"]


def locate(known: Asset) -> Path | None:
    """The first file of the right name and size, or None. Another size is right only for the same arrays in another archive."""
    for folder in search_folders():
        for file in known.files:
            path = folder / file.filename
            if path.is_file() and (file.size in (None, path.stat().st_size) or same_content(path, file)):
                return path
    return None


def damaged(known: Asset) -> Path | None:
    """A file of the right name that `locate` refuses, such as one that was cut off."""
    there = [folder / file.filename for folder in search_folders() for file in known.files]
    return None if locate(known) else next((path for path in there if path.is_file()), None)


def fault_of(path: Path, known: Asset) -> str | None:
    """What is wrong with a file that was located, None where nothing is: see `sums.fault`."""
    return fault(path, next(file for file in known.files if file.filename == path.name))


def find(name: str) -> Path:
    """The path of a file; InputError, in one line that says how to get it, when it is missing."""
    known = asset(name)
    if path := usable(known):
        return path
    raise InputError(f"assets: {absence(known)} ({known.enables}); {remedy(known)}, or set TFG_ASSETS to its folder")


def usable(known: Asset) -> Path | None:
    """A located file whose bytes are the known ones, or None; what every number is computed with goes through here."""
    path = locate(known)
    return path if path is not None and fault_of(path, known) is None else None


def located(name_or_path: str) -> Path:
    """The file of an asset by any name it answers to, else a file of the user's by its path; InputError with the remedy.

    A word without a suffix is a name. An asset's file name is a file of the user's where it is one from here.
    """
    path = Path(name_or_path).expanduser()
    a_word = len(path.parts) == 1 and not path.suffix
    if path.is_file() and not a_word:
        return path
    found = tuple(known for known in catalogue.ASSETS if name_or_path in known.names)
    if not found and not a_word:
        raise InputError(f"{name_or_path} is not a file; give one, or a name of `tfg assets`")
    found = found or named(name_or_path)
    if len(found) != 1:
        names = " or ".join(known.name for known in found) or "a name of `tfg assets`"
        raise InputError(f"assets: '{name_or_path}' is not one file; give {names}")
    return find(found[0].name)


def absence(known: Asset) -> str:
    """That a file is missing, or damaged and where."""
    path = damaged(known) or locate(known)
    return f"{known.filename} is missing" if path is None else f"{path} is damaged: {fault_of(path, known)}"


def remedy(known: Asset) -> str:
    """What to do to get a file."""
    if known.sources:
        return f"run `tfg assets fetch {known.name}`"
    return f"get it from {known.origin} and run `tfg assets add {known.filename}`"


def add(path: Path) -> Path:
    """Adopt a file the user has into the cache: by its sum where one is known, else by its file name."""
    if not path.is_file():
        raise InputError(f"assets: {path} is not a file")
    files = [file for known in catalogue.ASSETS for file in known.files]
    named = next((known for known in files if known.filename == path.name), None)
    for known in files:
        if (known.sha256 or known.blob or known is named) and fault(path, known) is None:
            return adopt(path, known)
    if named:
        raise InputError(f"assets: {path} has {fault(path, named)}; it was not added")
    names = ", ".join(known.filename for known in files)
    raise InputError(f"assets: {path} (sha256 {checksum(path)}) is none of: {names}")


def adopt(path: Path, known: Asset) -> Path:
    """A whole copy in the cache; where the copy fails, nothing is left of it."""
    target = cached(known)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f"{known.filename}.", suffix=".part")
    os.close(handle)
    partial = Path(name)
    try:
        shutil.copyfile(path, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def listing(*, verify: bool) -> list[str]:
    """One line a file: where it is, or how to get it and what it would enable."""
    return [_line(known, verify=verify) for known in catalogue.ASSETS]


def describe(*, verify: bool) -> list[str]:
    """The listing, each line followed by one a file that would do, with its official source, licence, size and sum."""
    lines = []
    for known in catalogue.ASSETS:
        lines.append(_line(known, verify=verify))
        for file in known.files:
            size = f"{file.size:,} bytes" if file.size else "size unknown"
            lines.append(f"            {file.filename}: {file.origin}; {file.licence}; {size}; {file.sum}")
    return lines


def records(*, verify: bool) -> list[dict[str, str | int | list[str] | None]]:
    """What `describe` says, for programs; `path` is None where the file is missing."""
    return [
        {
            "name": known.name,
            "filename": known.filename,
            "state": _state(path := locate(known), known, verify=verify),
            "path": str(path) if path else None,
            "enables": known.enables,
            "licence": known.licence,
            "origin": known.origin,
            "size": known.size,
            "sha256": known.sha256,
            "git_blob_id": known.blob,
            "sources": [str(source) for source in known.sources],
        }
        for known in catalogue.ASSETS
    ]


def _line(known: Asset, *, verify: bool) -> str:
    path = locate(known)
    state = _state(path, known, verify=verify)
    if path is None:
        where = f"{found} is not whole; " if (found := damaged(known)) else ""
        return f"{state:<11} {known.name}: {where}would enable {known.enables}; {remedy(known)}"
    return f"{state:<11} {known.name}: {path}; enables {known.enables}"


def _state(path: Path | None, known: Asset, *, verify: bool) -> str:
    if path is None:
        return "missing" if damaged(known) is None else "DAMAGED"
    if not verify:
        return "here"
    if wrong := fault_of(path, known):
        return f"WRONG SUM ({wrong})"
    return "here, sum ok" if known.sha256 or known.blob else "here, no sum known"
