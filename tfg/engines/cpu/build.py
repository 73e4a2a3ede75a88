"""The flags of the C engines and what loads them; tfg.compiler compiles, keeps and checks the libraries."""

import ctypes
import functools
import os
import platform
from pathlib import Path

import torch  # loaded before any library, so that they share torch's OpenMP runtime and its threads

from tfg import compiler
from tfg.compiler import CompilerMissing

SOURCES = Path(__file__).parent
# As fast as -ffast-math, which must never be linked: GCC 12 then switches the whole process to flush-to-zero.
SAFE_FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-freciprocal-math",
    "-ffp-contract=fast",
    "-fopenmp",
    "-fPIC",
    "-shared",
    "-std=gnu11",
)


def flags() -> tuple[str, ...]:
    """Compiler flags of this machine; `TFG_CFLAGS` is appended (e.g. -mno-avx512f to measure AVX2)."""
    wide = ("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()
    return SAFE_FLAGS + wide + tuple(os.environ.get("TFG_CFLAGS", "").split())


def pointer(values: torch.Tensor | None) -> ctypes.c_void_p:
    """Address of a contiguous tensor's first value; NULL for None."""
    return ctypes.c_void_p(0 if values is None else values.data_ptr())


@functools.cache
def load(name: str, folder: Path = SOURCES) -> ctypes.CDLL:
    """The library of `<name>.c` in `folder`, compiled at first use."""
    try:
        return compiler.load(folder / f"{name}.c", flags())
    except CompilerMissing as error:
        raise CompilerMissing(f"{error} or use engine=torch") from error
