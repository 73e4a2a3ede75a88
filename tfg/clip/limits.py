"""How long, how large and how fast a media file may be. Compared with what it states before anything of it is decoded."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tfg import configuration
from tfg.types import InputError

KEY = "clip.limits"


@dataclass(frozen=True, kw_only=True)
class MediaLimits:
    """The values of `clip.limits` in conf/, where each is explained."""

    max_seconds: float
    max_gap_seconds: float
    max_pixels: int
    max_rate: float
    max_sound_rate: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise InputError(f"{KEY}.{field.name}={value}: must be a number above 0")

    def refusal(self, path: Path, found: str, name: str, unit: str) -> InputError:
        """For what is more than the limit `name` allows: file, what was found, limit and key in one line."""
        most = getattr(self, name)
        return InputError(
            f"{path}: {found}; the most is {most:.15g} {unit} ({KEY}.{name}): re-encode or cut it, or raise that key"
        )

    def check_size(self, path: Path, width: int, height: int) -> None:
        """InputError where a picture of it is larger than allowed."""
        if width * height > self.max_pixels:
            raise self.refusal(path, f"its picture is {width}x{height}", "max_pixels", "pixels")

    def check_length(self, path: Path, what: str, seconds: float) -> None:
        """InputError where `what` (its picture, its sound) lasts longer than allowed."""
        if seconds > self.max_seconds:
            raise self.refusal(path, f"its {what} lasts {seconds:.1f} s", "max_seconds", "seconds")

    def check_gap(self, path: Path, what: str, seconds: float) -> None:
        """InputError where `what` has a gap in time that is longer than allowed."""
        if seconds > self.max_gap_seconds:
            raise self.refusal(path, f"its {what} has a gap of {seconds:.1f} s", "max_gap_seconds", "seconds")

    def check_rate(self, path: Path, pictures: int, seconds: float) -> None:
        """InputError where there are more pictures a second than allowed; what is shorter than a second counts as one."""
        if pictures > self.max_rate * max(1.0, seconds):
            found = f"it has {pictures} pictures in {seconds:.2f} s"
            raise self.refusal(path, found, "max_rate", "pictures a second")

    def check_sound_rate(self, path: Path, rate: int) -> None:
        """InputError where there are more samples a second than allowed, or none."""
        if rate < 1:
            raise InputError(f"{path}: its sound has {rate} samples a second; re-encode it")
        if rate > self.max_sound_rate:
            raise self.refusal(path, f"its sound has {rate} samples a second", "max_sound_rate", "samples a second")


def limits_of(clip: Mapping[str, Any]) -> MediaLimits:
    """The limits of a configuration's `clip`; conf/'s own for one that was written before there were any."""
    return MediaLimits(**clip["limits"]) if "limits" in clip else default_limits()


@functools.cache
def default_limits() -> MediaLimits:
    """Those of conf/, for commands that take no configuration."""
    from omegaconf import OmegaConf

    return MediaLimits(**OmegaConf.load(configuration.folder() / "clip" / "embedded.yaml").limits)
