"""Whether a folder or a file of a cache is this user's own.

Who may write there decides what a run computes with, or which code it loads.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tfg.types import InputError


def private(folder: Path, harm: str) -> Path:
    """The folder, made if need be, in which nobody but this user may put files; InputError for another user's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.stat()
    if state.st_uid != os.geteuid():
        raise InputError(
            f"{folder} belongs to another user (uid {state.st_uid}), {harm}: set TFG_CACHE to a folder of yours"
        )
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        folder.chmod(0o700)
    return folder


def objection(path: Path) -> str:
    """Why a file of a cache may not be used, "" if it may."""
    try:
        state = path.lstat()
    except FileNotFoundError:
        return "is missing"
    if not stat.S_ISREG(state.st_mode):
        return "is no regular file"
    if state.st_uid != os.geteuid():
        return f"belongs to another user (uid {state.st_uid})"
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "may be written by other users"
    return ""
