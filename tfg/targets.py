"""The classes that a configuration may name: those that conf/ itself names as `_target_`, each where its own option does."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig

from tfg import configuration
from tfg.types import InputError


def refuse_foreign(settings: Any, key: str) -> None:
    """Of an option, exactly the class of its own YAML; of its groups of keys, the classes that the axis has."""
    axis = key.split(".")[0].replace("selector_audio", "audio")
    if not isinstance(settings, Mapping) or "_target_" not in settings:
        raise InputError(f"{key}: is no configuration of a part; it has no _target_")
    for place, target in _targets(settings, key):
        if target not in allowed_targets(axis):
            raise InputError(f"{place}._target_={target}: is not a class that conf/{axis}/ names; it is not built")
    if "name" in settings and "." not in key:
        own = configuration.folder() / axis / f"{Path(str(settings['name'])).name}.yaml"
        if not own.is_file() or _named_in(own)[:1] != [str(settings["_target_"])]:
            raise InputError(
                f"{key}.name={settings['name']}: is no option of conf/{axis}/ of that class; it is not built"
            )


@functools.cache
def allowed_targets(axis: str) -> frozenset[str]:
    """Every `_target_` that a YAML of an axis names."""
    return frozenset(found for path in (configuration.folder() / axis).rglob("*.yaml") for found in _named_in(path))


def _named_in(path: Path) -> list[str]:
    """The `_target_`s of a YAML, the one of its root first."""
    found = re.findall(r"^( *)_target_:\s*([\w.]+)", path.read_text(), re.MULTILINE)
    return [target for _, target in sorted(found, key=lambda pair: len(pair[0]))]


def _targets(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every `_target_` in a configuration with its key; other keys of hydra's are refused, since they change how a class is called."""
    if isinstance(node, Mapping | DictConfig):
        for name, child in node.items():
            if name == "_target_":
                yield place, str(child)
            elif str(name).startswith("_"):
                raise InputError(f"{place}.{name}: is no key of conf/; remove it")
            else:
                yield from _targets(child, f"{place}.{name}")
    elif isinstance(node, list | tuple | ListConfig):
        for child in node:
            yield from _targets(child, place)
