"""Computed features on disk: one safetensors file an entry, named by what it depends on; computed once by any number of processes.

An entry remembers the seconds it took to compute, so that the cost of a selection is the same whether or not it was cached.
"""

from __future__ import annotations

import errno
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Arrays = dict[str, np.ndarray]
CHUNK = 25  # frames; chunks lie at multiples of it, so that overlapping ranges look at each frame once


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Arrays, and the seconds that computing them took when it was done."""

    arrays: Arrays
    seconds: float


def cached(key: Mapping[str, Any], compute: Callable[[], Arrays], root: Path) -> Entry:
    """The entry of a key (plain JSON values), computed under a lock when it is not there or not readable."""
    path = _path(key, root)
    with FileLock(path.with_suffix(".lock")):
        return _load(path) or _compute(path, compute)


def cached_ranges(
    key: Mapping[str, Any], start: int, stop: int, num_frames: int, compute: Callable[[int, int], Arrays], root: Path
) -> list[tuple[int, Entry]]:
    """Entries of the chunks that cover frames [start, stop), with each chunk's first frame.

    `compute(a, b)` gives arrays with one row a frame of [a, b); neighbouring missing chunks are computed in one call and
    their seconds shared by frames. `num_frames` is the length of the clip: the last chunk may be shorter.
    """
    firsts = list(range(start // CHUNK * CHUNK, stop, CHUNK))
    paths = {first: _path({**key, "first": first}, root) for first in firsts}
    with FileLock(_path(key, root).with_suffix(".lock")):
        entries = {first: entry for first in firsts if (entry := _load(paths[first])) is not None}
        for run in _runs([first for first in firsts if first not in entries]):
            begin, end = run[0], min(run[-1] + CHUNK, num_frames)
            started = time.perf_counter()
            arrays = compute(begin, end)
            per_frame = (time.perf_counter() - started) / (end - begin)
            for first in run:
                last = min(first + CHUNK, end)
                part = {name: values[first - begin : last - begin] for name, values in arrays.items()}
                entries[first] = Entry(arrays=part, seconds=per_frame * (last - first))
                _store(paths[first], entries[first])
    return [(first, entries[first]) for first in firsts]


def _runs(firsts: list[int]) -> list[list[int]]:
    """Neighbouring chunks together."""
    runs: list[list[int]] = []
    for first in firsts:
        if runs and runs[-1][-1] + CHUNK == first:
            runs[-1].append(first)
        else:
            runs.append([first])
    return runs


def _path(key: Mapping[str, Any], root: Path) -> Path:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    folder = root / digest[:2]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest[2:34]}.safetensors"


def _compute(path: Path, compute: Callable[[], Arrays]) -> Entry:
    started = time.perf_counter()
    arrays = compute()
    entry = Entry(arrays=arrays, seconds=time.perf_counter() - started)
    _store(path, entry)
    return entry


def _load(path: Path) -> Entry | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            seconds = float(file.metadata()["seconds"])
            return Entry(arrays={name: file.get_tensor(name) for name in file.keys()}, seconds=seconds)  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        print(f"tfg: {path} is not readable ({error}); computing it again", file=sys.stderr)
        return None


def _store(path: Path, entry: Entry) -> None:
    """Whole or not at all; without disk space the run goes on uncached."""
    partial = path.with_suffix(".part")
    arrays = {name: np.ascontiguousarray(values) for name, values in entry.arrays.items()}
    try:
        save_file(arrays, partial, metadata={"seconds": repr(entry.seconds)})
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno != errno.ENOSPC:
            raise
        print(f"tfg: {path} could not be cached ({error}); going on without", file=sys.stderr)
