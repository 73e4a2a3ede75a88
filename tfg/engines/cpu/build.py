"""Compiles `<name>.c` of this folder at first use, keeps the library in a per-user cache and loads it with ctypes.

The key of a cached library is its sources, flags, compiler and processor: a cache carried to another machine is never
misused.
"""

import ctypes
import errno
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch  # loaded first, so that the library shares torch's OpenMP runtime and its threads
from filelock import FileLock

SOURCES = Path(__file__).parent
COMPILERS = ("cc", "gcc", "clang")
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


class CompilerMissing(RuntimeError):
    """No C compiler with OpenMP works here; the message is one line that says what to do."""


def cache_folder() -> Path:
    """Folder of compiled libraries: `TFG_CACHE`, else ~/.cache/tfg."""
    root = os.environ.get("TFG_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "tfg") / "engines"


def flags() -> tuple[str, ...]:
    """Compiler flags of this machine; `TFG_CFLAGS` is appended (e.g. -mno-avx512f to measure AVX2)."""
    wide = ("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()
    return SAFE_FLAGS + wide + tuple(os.environ.get("TFG_CFLAGS", "").split())


def compiler() -> str:
    """Path of the C compiler: `CC`, else the first of cc, gcc, clang on PATH."""
    for name in (os.environ.get("CC"), *COMPILERS):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise CompilerMissing(
        "no C compiler (cc, gcc, clang) on PATH; install one (e.g. apt install gcc) or use engine=torch"
    )


def processor() -> str:
    """The processor's model and instruction sets, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    told = {line.split(":")[0].strip(): line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return "\n".join((platform.machine(), platform.processor(), *sorted(told.values())))


def pointer(values: torch.Tensor | None) -> ctypes.c_void_p:
    """Address of a contiguous tensor's first value; NULL for None."""
    return ctypes.c_void_p(0 if values is None else values.data_ptr())


@functools.cache
def load(name: str, folder: Path = SOURCES) -> ctypes.CDLL:
    """The library of `<name>.c` in `folder`, compiled if this machine has not done so before (printed once)."""
    found = compiler()
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    texts = [(folder / f"{name}.c").read_bytes(), *(path.read_bytes() for path in sorted(folder.glob(f"{name}*.h")))]
    key = hashlib.sha256(repr((texts, flags(), found, version, processor())).encode()).hexdigest()[:20]
    library = cache_folder() / f"{name}-{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(library.with_suffix(".lock")):
            if not library.exists():
                _compile(found, folder / f"{name}.c", library)
    return ctypes.CDLL(str(library))


def _compile(found: str, source: Path, library: Path) -> None:
    """Compiles under a temporary name and renames, so that a killed build leaves nothing that looks finished."""
    started = time.perf_counter()
    handle, partial = tempfile.mkstemp(dir=library.parent, suffix=".partial")
    os.close(handle)
    try:
        command = [found, *flags(), str(source), "-o", partial, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            if "No space left" in done.stderr:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(library.parent))
            told = re.search(r".*error.*", done.stderr) or re.search(r".+", done.stderr)
            reason = told.group(0).strip() if told else f"exit code {done.returncode}"
            raise CompilerMissing(
                f"{found} cannot build {source.name}: {reason}; install gcc with OpenMP or use engine=torch"
            )
        os.replace(partial, library)
    finally:
        Path(partial).unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    print(f"tfg.engines: compiled {source.name} in {seconds:.1f} s, kept in {library.parent}", file=sys.stderr)
