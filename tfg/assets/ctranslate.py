"""Reads the arrays of CTranslate2's model.bin, binary version 6: a flat list of name, shape, type and bytes.

Layout, little endian: u32 version, text, u32 revision, u32 count, then for each variable: text, u8 rank, u32 each
dimension, u8 type, u32 bytes, data. A text is u16 length and that many bytes, the last of them zero. Aliases follow.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

VERSION = 6
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # bfloat16 (5) has no numpy type


def read_variables(path: Path, *, prefix: str) -> dict[str, NDArray[Any]]:
    """Name -> array of every variable whose name starts with `prefix`; ValueError where the file has another format."""
    found: dict[str, NDArray[Any]] = {}
    with path.open("rb") as file:
        if (version := _number(file, "<I")) != VERSION:
            raise ValueError(f"CTranslate2 binary version {version}, expected {VERSION}")
        _text(file)
        _number(file, "<I")
        for _ in range(_number(file, "<I")):
            name = _text(file)
            shape = tuple(_number(file, "<I") for _ in range(_number(file, "<B")))
            code, size = _number(file, "<B"), _number(file, "<I")
            if not name.startswith(prefix):
                file.seek(size, 1)
                continue
            if code not in _TYPES or math.prod(shape) * np.dtype(_TYPES[code]).itemsize != size:
                raise ValueError(f"{name}: {size} bytes of type {code} do not make shape {shape}")
            found[name] = np.frombuffer(_exactly(file, size), np.dtype(_TYPES[code]).newbyteorder("<")).reshape(shape)
    return found


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("the file ends in the middle of a variable")
    return data


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, _exactly(file, struct.calcsize(form)))[0])


def _text(file: BinaryIO) -> str:
    return _exactly(file, _number(file, "<H")).rstrip(b"\0").decode()
