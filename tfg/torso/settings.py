"""The keys of `torso`, and the file that a field learned under them has. Nothing here imports torch: the name is wanted early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tfg.record import identity
from tfg.types import InputError

VERSION = 1  # raised with every change that can move a picture of an unchanged portrait


@dataclass(frozen=True, kw_only=True)
class TorsoSettings:
    """The `torso` keys of conf/config.yaml."""

    field: bool
    nodes: int
    steps: int
    lr: float
    filling: float
    folds: int

    def __post_init__(self) -> None:
        for name, least, most in (("nodes", 2, 128), ("steps", 1, 100_000), ("folds", 2, 20)):
            whole = getattr(self, name)
            if isinstance(whole, bool) or not isinstance(whole, int) or not least <= whole <= most:
                raise InputError(f"torso.{name}={whole}: must be a whole number from {least} to {most}")
        for name, low, high in (("lr", 1e-6, 1.0), ("filling", 0.0, 1.0)):
            if not low <= (number := getattr(self, name)) <= high:
                raise InputError(f"torso.{name}={number}: must be a number from {low:g} to {high:g}")


def settings_of(given: Mapping[str, Any]) -> TorsoSettings:
    """Of the group of keys; InputError names a wrong one."""
    return TorsoSettings(**{str(key): value for key, value in given.items()})


def file_name(settings: TorsoSettings) -> str | None:
    """Of the field under these settings, beside its head; None where it is switched off."""
    described = {"version": VERSION, **asdict(settings)}
    return f"torso-{identity.digest_of(described)}.safetensors" if settings.field else None
