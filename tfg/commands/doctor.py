"""What this machine can do: versions, processors, engines, codecs, files. For `tfg doctor` and bug reports."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator

from tfg import assets


def run(options: argparse.Namespace) -> None:
    """The findings on stdout."""
    for line in lines():
        print(line)


def lines() -> Iterator[str]:
    """One finding a line: ok, or what is missing and what to do."""
    import psutil
    import torch

    yield f"python      {platform.python_version()} on {platform.system()} {platform.machine()}"
    memory = psutil.virtual_memory()
    yield f"machine     {os.cpu_count()} cores, {memory.total / 2**30:.0f} GiB memory, {memory.available / 2**30:.0f} free"
    yield f"disk        {shutil.disk_usage('.').free / 2**30:.0f} GiB free here, cache in {assets.cache_root()}"
    yield f"torch       {torch.__version__}, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        yield f"cuda        {torch.cuda.get_device_name(0)}: trainer=gpu is chosen"
    else:
        yield "cuda        none found: trainer=cpu is chosen (minutes)"
    yield f"cpu engine  {_compiler()}"
    yield f"gsplat      {_version('gsplat', 'pip install gsplat on a CUDA machine')}"
    yield f"tinycudann  {_version('tinycudann', 'only for engine=tinycudann, built from source: docs/engines.md')}"
    yield f"video       PyAV {_version('av', '')}, {_encoder()}"
    yield f"speech      {_version('espeakng-loader', 'pip install espeakng-loader')} (espeak-ng, for the embedded clip)"
    yield f"mediapipe   {_version('mediapipe', 'pip install mediapipe')}"
    yield f"tracking    wandb {_version('wandb', '')}"
    yield from assets.listing(verify=False)


def _compiler() -> str:
    found = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if found is None:
        return "no C compiler: the slow torch engine is used; install gcc or clang"
    return f"{found} builds it at first use"


def _version(package: str, remedy: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return f"not installed{f' ({remedy})' if remedy else ''}"


def _encoder() -> str:
    if importlib.util.find_spec("av") is None:
        return "no codecs"
    import av

    return "H.264 encoder here" if "libx264" in av.codecs_available else "no libx264: mp4 files cannot be written"
