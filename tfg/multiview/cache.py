"""Pictures of many heads, drawn once and kept on disk, a file a person."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from tfg.multiview.base import HeadSource, HeadViews, Sides
from tfg.progress import Advance
from tfg.record.arrays import NPZ_ERRORS
from tfg.record.files import is_sealed, seal
from tfg.types import InputError

_FIELDS = tuple(part.name for part in fields(HeadViews))


def check_room(people: int, views: int, size: int, most_bytes: int) -> None:
    """InputError where pictures of so many people would be more than may be kept."""
    needed = people * views * size**2 * 4
    if needed > most_bytes:
        raise InputError(
            f"--people {people} x --views {views} of {size} pixels are {needed / 1e9:.1f} GB of pictures, more than the "
            f"{most_bytes / 1e9:.1f} GB that this profile keeps; give fewer"
        )


def views_of(source: HeadSource, number: int, sides: Sides, size: int, folder: Path, advance: Advance) -> HeadViews:
    """Of one person; a file that is damaged or was cut off is drawn anew. `advance` counts pictures."""
    path = folder / f"{number}.npz"
    found = _read(path) if is_sealed(path) else None
    if found is None:
        found = source.draw(number, sides, size)
        partial = path.with_suffix(".part.npz")
        arrays: dict[str, Any] = {name: np.asarray(getattr(found, name)) for name in _FIELDS}
        np.savez(partial, **arrays)
        seal(partial, path)
    advance(len(found.pictures))
    return found


def _read(path: Path) -> HeadViews | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _FIELDS}
    except NPZ_ERRORS:
        return None
    return HeadViews(**(arrays | {"focal": float(arrays["focal"])}))
