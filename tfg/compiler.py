"""Compiles a C file of the project at first use, keeps the library in a per-user cache and loads it with ctypes.

The key of a cached library is its sources, flags, compiler and processor: a cache carried to another machine is never
misused. Loading a library runs its code, so that only a whole one of this very user is loaded.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

from tfg import assets
from tfg.record.files import is_sealed, seal
from tfg.record.ownership import objection, private

COMPILERS = ("cc", "gcc", "clang")
# What a compiler that cannot write says.
_NO_ROOM = {"No space left": errno.ENOSPC, "File too large": errno.EFBIG, "File size limit": errno.EFBIG}


class CompilerMissing(RuntimeError):
    """No C compiler works here; the message is one line that says what to do."""


def cache_folder() -> Path:
    """Folder of compiled libraries."""
    return assets.cache_root() / "engines"


def compiler() -> str:
    """Path of the C compiler: `CC`, else the first of cc, gcc, clang on PATH."""
    for name in (os.environ.get("CC"), *COMPILERS):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise CompilerMissing("no C compiler (cc, gcc, clang) on PATH; install one (e.g. apt install gcc)")


def processor() -> str:
    """The processor's model and instruction sets, as far as the system names them."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    facts = {line.split(":")[0].strip(): line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return "\n".join((platform.machine(), platform.processor(), *sorted(facts.values())))


def load(source: Path, flags: tuple[str, ...]) -> ctypes.CDLL:
    """The library of a C file and the headers beside it that it includes, compiled (printed once) unless a sound one of
    this machine is in the cache. CompilerMissing where that does not work."""
    cc = compiler()
    version = subprocess.run([cc, "--version"], capture_output=True, text=True, check=False).stdout
    texts = [path.read_bytes() for path in sources(source)]
    key = hashlib.sha256(repr((texts, flags, cc, version, processor())).encode()).hexdigest()[:20]
    library = private(cache_folder(), "whose code would run") / f"{source.stem}-{key}.so"
    if _objection(library):
        with FileLock(library.with_suffix(".lock")):
            fault = _objection(library)  # another process may have mended it meanwhile
            if fault and os.path.lexists(library):
                print(f"tfg.engines: {library} {fault}: not loaded, compiled anew", file=sys.stderr)
            if fault:
                _compile(cc, source, flags, library)
    return ctypes.CDLL(str(library))


def sources(source: Path) -> list[Path]:
    """A C file and the headers beside it that it includes, also through one another, each once."""
    found = [source]
    for path in found:  # grows meanwhile
        for name in re.findall(rb'^#include "([^"]+)"', path.read_bytes(), re.MULTILINE):
            if (header := source.parent / name.decode()) not in found:
                found.append(header)
    return found


def _objection(library: Path) -> str:
    """Why a library in the cache may not be loaded, "" if it may."""
    if found := objection(library):
        return found
    return "" if is_sealed(library) else "is damaged (no checksum beside it fits its bytes)"


def _compile(cc: str, source: Path, flags: tuple[str, ...], library: Path) -> None:
    """Compiles under a temporary name and renames: what a killed build leaves never looks finished, and a library that a
    process has loaded keeps its bytes. Called by the holder of the library's lock only."""
    started = time.perf_counter()
    partial = library.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    try:
        command = [cc, *flags, str(source), "-o", str(partial), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            for said, number in _NO_ROOM.items():
                if said in done.stderr:
                    raise OSError(number, os.strerror(number), str(library.parent))
            line = re.search(r".*error.*", done.stderr) or re.search(r".+", done.stderr)
            reason = line.group(0).strip() if line else f"exit code {done.returncode}"
            raise CompilerMissing(f"{cc} cannot build {source.name}: {reason}; install gcc with OpenMP")
        partial.chmod(0o700)
        seal(partial, library)
    finally:
        partial.unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    print(f"tfg.engines: compiled {source.name} in {seconds:.1f} s, kept in {library.parent}", file=sys.stderr)
