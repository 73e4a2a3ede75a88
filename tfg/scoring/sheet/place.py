"""Where a sheet may be written: never over files that are not a sheet's. Nothing here imports torch."""

from __future__ import annotations

from pathlib import Path

from tfg.types import InputError

INDEX, VIDEO = "index.html", "side_by_side.mp4"
GENERATOR = "<meta name=generator content='tfg evaluate'>"  # marks our sheets among other people's folders


def checked(folder: Path) -> Path:
    """The real folder, if a sheet may be written there: it is new, empty, or holds a sheet and nothing else."""
    found = folder.expanduser().resolve()
    if not found.parent.is_dir():
        raise InputError(f"--sheet {folder}: its folder does not exist; make it first")
    if found.exists() and not found.is_dir():
        raise InputError(f"--sheet {folder}: is a file; name a new folder")
    if found.is_dir() and any(found.iterdir()) and not _is_sheet(found):
        raise InputError(f"--sheet {folder}: holds files that are not a sheet's; name a new folder")
    if found.is_dir() and (found == Path.cwd() or found in Path.cwd().parents):
        raise InputError(f"--sheet {folder}: is the folder you work in; name a new one")
    return found


def _is_sheet(folder: Path) -> bool:
    index = folder / INDEX
    ours = all(path.name in (INDEX, VIDEO) or _is_worst(path) for path in folder.iterdir())
    return ours and index.is_file() and GENERATOR in index.read_text(errors="replace")[:4096]


def _is_worst(path: Path) -> bool:
    return path.name.startswith("worst_") and path.suffix == ".png" and path.is_file()
