"""Where conf/ is: packaged as tfg/conf in an installed tfg, beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def folder() -> Path:
    """The folder that holds config.yaml and one folder an axis."""
    packaged = PACKAGE / "conf"
    return packaged if packaged.is_dir() else PACKAGE.parent / "conf"
