"""A YAML written by hand, as plain values; what is wrong with it is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tfg.types import InputError


def read(path: Path, example: str) -> Any:
    """Interpolations as they stand; InputError names the file, the line and what is mostly the reason.

    `example`: ends that line, such as `docs/bench.md has an example`.
    """
    try:
        return OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, UnicodeDecodeError, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason})") from error
    except Exception as error:  # of the YAML parser, which has no base class of its own in what tfg declares
        raise InputError(_not_a_yaml(path, error, example)) from error


def _not_a_yaml(path: Path, error: Exception, example: str) -> str:
    """Where it stops being one, and what is mostly the reason."""
    mark = getattr(error, "problem_mark", None)
    where = str(path) if mark is None else f"{path}, line {mark.line + 1}"
    if "duplicate key" in str(error):
        return f"{where}: a key is given twice; keep one"
    return (
        f"{where}: not a YAML from here on; look here and one line above for a bracket or quote that is not closed, a colon without "
        f"a space behind it, a tab; {example}"
    )
