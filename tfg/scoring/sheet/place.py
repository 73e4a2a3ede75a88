"""Where a sheet may be written: never over files that are not a sheet's. Nothing here imports torch."""

from __future__ import annotations

from pathlib import Path

from tfg.place import free, is_written_by

INDEX, VIDEO = "index.html", "side_by_side.mp4"
GENERATOR = "<meta name=generator content='tfg evaluate'>"  # marks our sheets among other people's folders


def checked(folder: Path) -> Path:
    """The real folder, if a sheet may be written there: it is new, empty, or holds a sheet and nothing else."""
    return free(folder, "--sheet", "sheet", _is_sheet)


def _is_sheet(folder: Path) -> bool:
    ours = all(path.name in (INDEX, VIDEO) or _is_worst(path) for path in folder.iterdir())
    return ours and is_written_by(folder / INDEX, GENERATOR)


def _is_worst(path: Path) -> bool:
    return path.name.startswith("worst_") and path.suffix == ".png" and path.is_file()
