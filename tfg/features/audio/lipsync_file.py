"""The file of audio=lipsync: weights in half precision, what they were learned from, a checksum. No torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tfg.types import InputError

LAYOUT = 1
REMEDY = "install tfg again, or make it anew with `python -m experiments.pretrain_lipsync`"
Arrays = dict[str, NDArray[np.float16]]


def write(path: Path, arrays: Arrays, sources: dict[str, Any]) -> None:
    """The same bytes for the same arrays and sources."""
    whole = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    facts = {"layout": LAYOUT, "sources": sources, "sha256": _checksum(whole)}
    # One entry: several would be written in any order.
    save_file(whole, path, metadata={"encoder": json.dumps(facts, sort_keys=True)})


def read(path: Path) -> Arrays:
    """InputError names a file that is damaged, or no encoder of this version of tfg."""
    noted = _noted(path)
    try:
        with safe_open(path, framework="numpy") as file:
            found = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    if noted["sha256"] != _checksum(found) or any(not np.isfinite(value).all() for value in found.values()):
        raise _damaged(path, ValueError("its checksum differs"))
    return found


def read_sources(path: Path) -> dict[str, Any]:
    """Its `people` (name, identities of the clips, frames), licence, steps, and score on people left out."""
    return dict(_noted(path)["sources"])


def _noted(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            noted: dict[str, Any] = json.loads((file.metadata() or {}).get("encoder", "{}"))
        if noted.get("layout") != LAYOUT:
            raise InputError(f"{path}: is no encoder of this version of tfg; {REMEDY}")
        _ = [(person["name"], person["clips"]) for person in noted["sources"]["people"]], noted["sha256"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(path, error) from error
    return noted


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: is damaged ({' '.join(str(error).split())}); {REMEDY}")


def _checksum(arrays: Arrays) -> str:
    """sha256 of names, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        digest.update(f"{name} {value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
