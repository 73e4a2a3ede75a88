"""npz files of other people: no pickle, and no more memory than is expected, whatever the archive claims to unpack to."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

# What reading a foreign or damaged npz raises.
NPZ_ERRORS = (
    *(OSError, ValueError, LookupError, TypeError, EOFError, SyntaxError, MemoryError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error),
)


def read_npz(path: Path, most_bytes: int, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The named arrays (all without names) of an npz; one of NPZ_ERRORS where it is none, or they are more than `most_bytes` together.

    Sizes are those of the archive's directory and of each array's header; nothing is unpacked before they are compared.
    """
    with zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        wanted = list(members if names is None else names)
        for name in wanted:
            if name not in members:
                raise KeyError(f"no array {name!r} in it")
        total = sum(members[name].file_size for name in wanted)
        if total > most_bytes:
            raise ValueError(
                f"its arrays unpack to {total / 1e6:.1f} MB, at most {most_bytes / 1e6:.1f} MB are expected"
            )
        return {name: _array(archive, members[name]) for name in wanted}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in read_header:
            raise ValueError(f"{member.filename} is an array of unknown version {version}")
        shape, _, dtype = read_header[version](file)
        count = 1
        for length in shape:  # of Python's numbers, which do not overflow
            count *= length
        if count * dtype.itemsize > member.file_size - file.tell():
            raise ValueError(f"{member.filename} claims {count} values, more than it has bytes for")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
