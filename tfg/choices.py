"""What is chosen for a command line where it says nothing: by the files, the videos and the cards that are here."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

from hydra.core.override_parser.types import Override

from tfg import assets
from tfg.types import InputError

AUTOMATIC = ("audio", "face", "masks", "trainer")  # axes that are chosen where nothing, or auto, is given
WHISPER = "whisper_tiny_en"  # of `tfg assets`
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def option_for(axis: str, clip_path: Override | None) -> str:
    """Of an axis of AUTOMATIC, with the command line's `clip.path` if it has one."""
    if axis == "audio":
        return best_audio()
    return _profile() if axis == "trainer" else _source(clip_path, axis)


def best_audio() -> str:
    """`whisper` where its file is here and whole, else `logmel`, which needs none."""
    return "whisper" if assets.usable(assets.asset(WHISPER)) else "logmel"


def _source(clip_path: Override | None, axis: str) -> str:
    """`sidecar` where every video of the command line has one beside it, `mediapipe` where none has."""
    if clip_path is None:
        return "sidecar"
    paths = list(clip_path.sweep_string_iterator()) if clip_path.is_sweep_override() else [str(clip_path.value())]
    found = {
        path in ("None", "null") or _sidecar(Path(path.strip("'\"").replace(r"\${", "${"))).exists() for path in paths
    }
    if len(found) > 1:
        raise InputError(
            f"clip.path: some videos have a sidecar and some have none; give {axis}= yourself, or run them apart"
        )
    return "sidecar" if found.pop() else "mediapipe"


def _sidecar(video: Path) -> Path:
    """Beside it, under the same stem; any path has one, also `.`, which no video has."""
    return video.parent / f"{video.stem}.npz"


@functools.cache
def _profile() -> str:
    """gpu where torch finds a card; torch, slow to import, is imported only where a driver is installed."""
    if not _driver():
        return "cpu"
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def _driver() -> bool:
    for name in _DRIVERS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
