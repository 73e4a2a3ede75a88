"""The loops over the samples of a picture: in C where a compiler is, else in numpy (`raster`), and the same to the last bit."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg import compiler
from tfg.clip.synthetic import raster
from tfg.clip.synthetic.arithmetic import Array
from tfg.clip.synthetic.raster import Floats32, Hits, Indices

_SOURCE = Path(__file__).with_name("kernel.c")
# Bits before speed: nothing that a processor has beyond its family's first, no two operations in one, no other order.
_FLAGS = ("-O2", "-std=c11", "-ffp-contract=off", "-fPIC", "-shared")
_SIZE = ctypes.c_int64


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Four functions; `raster` says what they return."""

    rasterise: Callable[[Floats32, Floats32, Indices, int], Hits]
    interpolate: Callable[[Floats32, Indices, Indices, Array], Floats32]
    turn: Callable[[Floats32, Floats32], Floats32]
    look_up: Callable[[Floats32, Floats32], Floats32]


NUMPY = Kernel(rasterise=raster.rasterise, interpolate=raster.interpolate, turn=raster.turn, look_up=raster.look_up)


@functools.cache
def fastest() -> Kernel:
    """That in C, or where it cannot be compiled that of numpy, which is said in one line."""
    try:
        return compiled()
    except (compiler.CompilerMissing, OSError) as error:  # OSError: a cache that may not be written or run from
        print(f"tfg: {error}; the embedded clip is drawn in numpy, which takes longer", file=sys.stderr)
        return NUMPY


def compiled() -> Kernel:
    """The functions in C; CompilerMissing where they cannot be compiled."""
    library = compiler.load(_SOURCE, _FLAGS)
    library.tfg_rasterise.restype = _SIZE

    def rasterise(points: Floats32, depth: Floats32, corners: Indices, width: int) -> Hits:
        x, y, depth, corners = _plain(np.float32, *points, depth) + _plain(np.int64, corners)
        sample, triangle = (np.empty(width * width, np.int64) for _ in range(2))
        nearness, weight = np.empty(width * width), np.empty((3, width * width))
        given = (*map(_address, (x, y, depth, corners)), _SIZE(corners.shape[1]), _SIZE(width))
        count = library.tfg_rasterise(*given, *map(_address, (nearness, sample, triangle, weight)))
        return Hits(sample=sample[:count], triangle=triangle[:count], weight=weight[:, :count])

    def interpolate(values: Floats32, corners: Indices, triangle: Indices, weight: Array) -> Floats32:
        values, corners, triangle, weight = (
            _plain(np.float32, values) + _plain(np.int64, corners, triangle) + _plain(np.float64, weight)
        )
        found = np.empty((len(values), len(triangle)), np.float32)
        sizes = _SIZE(values.shape[0]), _SIZE(values.shape[1])
        of_triangles = _address(corners), _SIZE(corners.shape[1])
        where = _address(triangle), _address(weight), _SIZE(len(triangle))
        library.tfg_interpolate(_address(values), *sizes, *of_triangles, *where, _address(found))
        return found

    def turn(points: Floats32, matrix: Floats32) -> Floats32:
        points, matrix = _plain(np.float32, points, matrix)
        found = np.empty_like(points)
        library.tfg_turn(_address(points), _address(matrix), _SIZE(points.shape[1]), _address(found))
        return found

    def look_up(texture: Floats32, place: Floats32) -> Floats32:
        texture, place = _plain(np.float32, texture, place)
        found = np.empty((texture.shape[-1], place.shape[1]), np.float32)
        shape = map(_SIZE, texture.shape[:2])
        library.tfg_look_up(_address(texture), *shape, _address(place), _SIZE(place.shape[1]), _address(found))
        return found

    return Kernel(rasterise=rasterise, interpolate=interpolate, turn=turn, look_up=look_up)


def _plain(kind: type[np.generic], *arrays: NDArray[Any]) -> list[NDArray[Any]]:
    """Of that type, without gaps; copied only where they are not so yet."""
    return [np.ascontiguousarray(array, kind) for array in arrays]


def _address(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
