"""A file of what was learned from people: tensors in half precision, and one metadata entry with its people and a checksum.

What the tensors mean stands where a kind of such files does: `prior_file.py`, `features/audio/lipsync_file.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tfg.record import files
from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What sets files of one purpose apart from others, and what is said of one that cannot be used."""

    entry: str  # name of the metadata entry
    layout: int  # of the file
    title: str  # "lip prior"
    settings_entry: str | None = None  # under which `Learned.settings` stand, None without any
    remedy_of_another: str  # where it is no such file, or one of another layout
    remedy_of_damaged: str

    def damaged(self, path: Path, reason: object) -> InputError:
        return InputError(f"{path}: is damaged ({' '.join(str(reason).split())}); {self.remedy_of_damaged}")


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Of a whole file."""

    tensors: Mapping[str, NDArray[np.floating]]  # float16 as read; others are rounded to it when written
    sources: dict[
        str, Any
    ]  # `people` (name, identities of the clips, frames), licence, settings, score on people left out
    settings: dict[str, Any] = field(default_factory=dict)  # that the tensors were made with; the checksum covers them


def write(path: Path, kind: Kind, contents: Learned) -> None:
    """The same bytes for the same contents, whole or not at all."""
    halves = {name: np.ascontiguousarray(values, np.float16) for name, values in contents.tensors.items()}
    checksum = _checksum(kind, halves, contents.settings)
    facts = {"layout": kind.layout, "sources": contents.sources, "sha256": checksum}
    if kind.settings_entry is not None:
        facts[kind.settings_entry] = contents.settings
    partial = path.with_name(f"{path.name}.part")
    # One entry: several would be written in any order.
    save_file(halves, partial, metadata={kind.entry: json.dumps(facts, sort_keys=True)})
    files.put(partial, path)


def read(path: Path, kind: Kind) -> Learned:
    """InputError names a file that is damaged, of another kind or of another layout."""
    try:
        with safe_open(path, framework="numpy") as file:
            noted = json.loads((file.metadata() or {}).get(kind.entry, "{}"))
            if noted.get("layout") != kind.layout:
                raise InputError(f"{path}: is no {kind.title} of this version of tfg; {kind.remedy_of_another}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dict
        settings = {} if kind.settings_entry is None else noted[kind.settings_entry]
        if noted["sha256"] != _checksum(kind, tensors, settings):
            raise ValueError("its checksum differs")
        sources = noted["sources"]
        _ = [(person["name"], person["clips"]) for person in sources["people"]]
    except InputError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise kind.damaged(path, error) from error
    return Learned(tensors=tensors, sources=sources, settings=settings)


def _checksum(kind: Kind, tensors: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> str:
    """sha256 of names, shapes and bytes, and of the settings where the kind has any."""
    digest = hashlib.sha256()
    if kind.settings_entry is not None:
        digest.update(json.dumps(settings, sort_keys=True).encode())
    for name, values in sorted(tensors.items()):
        digest.update(f"{name} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
