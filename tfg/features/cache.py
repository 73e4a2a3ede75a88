"""Computed features on disk: one safetensors file an entry, named by what it depends on; computed once by any number of processes.

An entry remembers what it took to compute, so that the cost of a selection is the same whether or not it was cached, and
carries the checksum of all it holds: a damaged one is named and computed anew. So is one of another user, or that others may write.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tfg.progress import progress
from tfg.record import files, meter
from tfg.record.meter import Spent
from tfg.record.ownership import objection, private
from tfg.types import InputError

Arrays = dict[str, np.ndarray]
LAYOUT = 2  # of an entry's file; entries of another layout are never read
CHUNK = 25  # frames; chunks lie at multiples of it, so that overlapping ranges look at each frame once
CHUNKS_AT_ONCE = 10  # computed in one call; what is done is on disk when the process is killed


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Arrays, and what computing them took when it was done."""

    arrays: Arrays
    spent: Spent  # processor seconds are not known of an entry that an older tfg wrote
    was_there: bool = False  # read from the cache; else computed by this call


def cached(key: Mapping[str, Any], compute: Callable[[], Arrays], root: Path) -> Entry:
    """The entry of a key (plain JSON values), computed under a lock when it is not there or not readable."""
    path = _path(key, root)
    with _lock(path):
        return _load(path) or _compute(path, compute)


def cached_ranges(
    key: Mapping[str, Any],
    start: int,
    stop: int,
    num_frames: int,
    compute: Callable[[int, int], Arrays],
    root: Path,
    label: str = "features",
) -> list[tuple[int, Entry]]:
    """Entries of the chunks that cover frames [start, stop), with each chunk's first frame.

    `compute(a, b)` gives arrays with one row a frame of [a, b); up to 10 neighbouring missing chunks are computed in one call and
    its cost shared by frames. `num_frames` is the length of the clip: the last chunk may be shorter. `label` names the
    work where its progress is shown.
    """
    firsts = list(range(start // CHUNK * CHUNK, stop, CHUNK))
    paths = {first: _path({**key, "first": first}, root) for first in firsts}
    with _lock(_path(key, root)):
        entries = {first: entry for first in firsts if (entry := _load(paths[first])) is not None}
        blocks = _blocks([first for first in firsts if first not in entries], num_frames)
        with progress(label, sum(end - begin for begin, end in blocks)) as advance:
            for begin, end in blocks:
                for first, entry in _compute_block(begin, end, compute):
                    entries[first] = entry
                    _store(paths[first], entry)
                advance(end - begin)
    return [(first, entries[first]) for first in firsts]


def missing(key: Mapping[str, Any], start: int, stop: int, num_frames: int, root: Path) -> int:
    """Frames that `cached_ranges` would compute for [start, stop); entries are not read."""
    firsts = range(start // CHUNK * CHUNK, stop, CHUNK)
    absent = [first for first in firsts if not _path({**key, "first": first}, root).exists()]
    return sum(min(first + CHUNK, num_frames) - first for first in absent)


def holds(key: Mapping[str, Any], root: Path) -> bool:
    """Whether `cached` would find an entry; it is not read."""
    return _path(key, root).exists()


def _blocks(firsts: list[int], num_frames: int) -> list[tuple[int, int]]:
    """Neighbouring chunks together, as ranges of frames."""
    runs: list[list[int]] = []
    for first in firsts:
        if runs and runs[-1][-1] + CHUNK == first and len(runs[-1]) < CHUNKS_AT_ONCE:
            runs[-1].append(first)
        else:
            runs.append([first])
    return [(run[0], min(run[-1] + CHUNK, num_frames)) for run in runs]


def _compute_block(begin: int, end: int, compute: Callable[[int, int], Arrays]) -> Iterator[tuple[int, Entry]]:
    """The chunks of frames [begin, end), each with its share of the cost."""
    started = meter.now()
    arrays = compute(begin, end)
    per_frame = (meter.now() - started).times(1 / (end - begin))
    for first in range(begin, end, CHUNK):
        last = min(first + CHUNK, end)
        part = {name: values[first - begin : last - begin] for name, values in arrays.items()}
        yield first, Entry(arrays=part, spent=per_frame.times(last - first))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Only one process at a time inside; on a full disk there is nothing to guard and the run goes on uncached."""
    try:
        private(path.parent.parent, "whose numbers would be used")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError as error:
        if error.errno not in files.NO_ROOM:
            raise InputError(
                f"{path.parent}: the cache cannot be written ({error.strerror}); set TFG_CACHE to a folder of yours"
            ) from error
        print(f"tfg: {path.parent}: no space for a cache; going on without", file=sys.stderr)
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _path(key: Mapping[str, Any], root: Path) -> Path:
    digest = hashlib.sha256(json.dumps({**key, "layout": LAYOUT}, sort_keys=True).encode()).hexdigest()
    return root / digest[:2] / f"{digest[2:34]}.safetensors"


def _compute(path: Path, compute: Callable[[], Arrays]) -> Entry:
    started = meter.now()
    arrays = compute()
    entry = Entry(arrays=arrays, spent=meter.now() - started)
    _store(path, entry)
    return entry


def _load(path: Path) -> Entry | None:
    if not path.exists():
        return None
    if fault := objection(path):
        print(f"tfg: {path} {fault}: not used, computing it again", file=sys.stderr)
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            noted = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        costs = {name: noted[name] for name in ("seconds", "processor_seconds") if name in noted}
        if noted["sha256"] != _checksum(arrays, costs):
            raise ValueError("its checksum differs")
        processor = float(costs["processor_seconds"]) if "processor_seconds" in costs else None
        spent = Spent(seconds=float(costs["seconds"]), processor_seconds=processor)
        return Entry(arrays=arrays, spent=spent, was_there=True)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"tfg: {path} is damaged ({reason}); computing it again", file=sys.stderr)
        return None


def _store(path: Path, entry: Entry) -> None:
    """Whole or not at all; without disk space the run goes on uncached."""
    partial = path.with_suffix(".part")
    arrays = {name: np.ascontiguousarray(values) for name, values in entry.arrays.items()}
    spent = entry.spent
    costs = {"seconds": repr(spent.seconds), "processor_seconds": repr(spent.processor_seconds)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, partial, metadata={**costs, "sha256": _checksum(arrays, costs)})
        partial.chmod(0o600)  # whatever the umask
        files.put(partial, path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        _warn(path.parent.parent, str(error))


def _checksum(arrays: Arrays, costs: Mapping[str, str]) -> str:
    """sha256 of names, types, shapes and bytes of all arrays, and of the costs as they are written."""
    digest = hashlib.sha256(" ".join(costs.values()).encode())
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


@functools.cache
def _warn(root: Path, reason: str) -> None:
    """Once, not for each of the hundreds of entries of a clip."""
    print(f"tfg: {root}: features could not be cached ({reason}); going on without", file=sys.stderr)
