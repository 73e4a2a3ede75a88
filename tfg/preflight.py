"""What can be known to be wrong with the cells of a sweep before its first run starts; each mistake is one line that names its key."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from tfg import clip_checks, parts, picture_size, sizing
from tfg.record.checks import value_at
from tfg.schedule import is_amount
from tfg.split import amount_of
from tfg.threads import AUTO
from tfg.types import ENGINES, InputError


def sized(configs: list[DictConfig], *, elsewhere: bool = False) -> list[DictConfig]:
    """The cells with their pictures' sizes, which a name needs; what can be wrong without a look at a video is refused first.

    `elsewhere`: they run on other machines, which may have the card that this one lacks.
    """
    for config in configs:
        _check_values(config, elsewhere=elsewhere)
        if picture_size.is_open(config):
            parts.clip_identity(config)
            parts.check(config)
    return [sizing.sized(config) for config in configs]


def check(config: DictConfig) -> None:
    """What can be known to be wrong with a cell before any run starts, its backbone aside; InputError names the key or file."""
    _check_values(config)
    parts.check(config)
    clip_checks.check_clip(config)


def refuse_twins(cells: list[tuple[Path, dict[str, Any]]]) -> None:
    """Cells that differ only in what no training depends on would be one run, each undoing the other."""
    first: dict[Path, dict[str, Any]] = {}
    for folder, plain in cells:
        if (one := first.setdefault(folder, plain)) is not plain:
            varied = plain["sweep"]["axes"]
            keys = [axis for axis in varied if value_at(one, axis) != value_at(plain, axis)] or ["the same value twice"]
            raise InputError(
                f"{', '.join(keys)}: makes two cells of the sweep one run, as no training depends on it; give one value"
            )


def _check_values(config: DictConfig, *, elsewhere: bool = False) -> None:
    """The keys that no part has for itself."""
    for key in ("seconds", "stride_seconds"):
        value = config[key]
        if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise InputError(f"{key}={value}: must be a number of seconds above 0")
    amount_of(config.split.held_out)
    if config.start is not None and config.selector.name != "at":
        raise InputError(
            f"start={config.start}: is of selector=at; selector={config.selector.name} looks for a segment itself, remove it"
        )
    if not isinstance(config.seed, int) or config.seed < 0:
        raise InputError(f"seed={config.seed}: must be a whole number, 0 or above")
    picture_size.check(config.clip.size)
    every = config.trainer.checkpoint_every
    if not isinstance(every, int) or every < 1:
        raise InputError(f"trainer.checkpoint_every={every}: must be a whole number of steps, 1 or above")
    count = config.trainer.threads
    whole = isinstance(count, int) and not isinstance(count, bool) and count >= 1
    if count not in (None, AUTO) and not whole:
        raise InputError(
            f"trainer.threads={count}: must be auto, a whole number of threads, 1 or above, or null for all cores"
        )
    if not is_amount(config.trainer.growth):
        raise InputError(f"trainer.growth={config.trainer.growth}: must be a number, 0 or above")
    for key, allowed in (("profile", ("cpu", "gpu")), ("device", ("cpu", "cuda"))):
        if config.trainer[key] not in allowed:
            raise InputError(f"trainer.{key}={config.trainer[key]}: allowed are {', '.join(allowed)}")
    if config.trainer.device == "cuda" and not elsewhere and not _has_card():
        raise InputError("trainer.device=cuda: no CUDA card is found here; use trainer=cpu")
    _check_engine(config.backbone.engine, config.trainer.device, elsewhere=elsewhere)
    if config.group is not None and not re.fullmatch(r"[\w.-]+", str(config.group)):
        raise InputError(f"group={config.group}: it names files; use letters, digits, dots, dashes and underscores")
    check_folder("results", config.results)


def _check_engine(engine: str, device: str, *, elsewhere: bool) -> None:
    allowed = [name for name, needed in ENGINES.items() if needed in (None, device)]
    if engine not in allowed:
        raise InputError(f"backbone.engine={engine}: on trainer.device={device} allowed are {', '.join(allowed)}")
    if engine == "tinycudann" and not elsewhere and importlib.util.find_spec("tinycudann") is None:
        from tfg.engines.choose import NO_TINY_CUDA_NN

        raise InputError(f"backbone.{NO_TINY_CUDA_NN}")


def _has_card() -> bool:
    import torch

    return torch.cuda.is_available()


def check_folder(key: str, value: object) -> None:
    """Files can be made in this folder, or it can be made; InputError naming the key where not."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{key}={value}: must be the path of a folder, such as results")
    folder = existing(Path(value))
    if not folder.is_dir():
        raise InputError(f"{key}={value}: {folder} is a file; give a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{key}={value}: {folder} may not be written to; give a folder of yours")
    if folder != Path(value).absolute():
        try:
            tempfile.TemporaryDirectory(prefix=".tfg-", dir=folder).cleanup()
        except OSError as error:
            raise InputError(
                f"{key}={value}: no folder can be made in {folder} ({error.strerror}); give a folder of yours"
            ) from error


def existing(path: Path) -> Path:
    """The path or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
