"""The command line of run.py before Hydra runs: automatic choices, the cells of a sweep, and one clear line for a mistake.

Hydra reports a typo with a stack of its own and only when the job starts; here every cell is composed first.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tfg import assets, composition, configuration
from tfg.choices import AUTOMATIC, WHISPER, option_for
from tfg.prior_file import UNIVERSAL
from tfg.schedule import register_resolvers
from tfg.types import InputError

CONFIG = configuration.folder()
NAMED = (
    "audio",
    "selector_audio",
    "face",
    "masks",
    "selector",
    "backbone",
    "prior",
    "tracker",
)  # axes of named options
SWEEPS = "sweeps"  # its folder that is no axis of a run: searches for wandb's agents
COVERED = ("whisper", "logmel")  # audio features, as conf/audio has them, of which the universal prior holds a map
UNTRAINED = ("trainer=cpu", "masks=sidecar", "conditioning=audio", "prior=none")  # given by commands that make no head


def complete(overrides: Sequence[str]) -> list[str]:
    """Add the choices that depend on the machine and the video, those of AUTOMATIC, and what drives the head; `choice` says them.

    A clip's path is taken as it is: `${` in it begins no interpolation.
    """
    overrides = [_literal_path(part) for text in overrides for part in _prior_file(text)]
    given = {override.key_or_group: override for override in _parse(overrides)}
    for key in given:
        if key.split(".")[0] == "sweep":
            raise InputError(f"{key}: is filled in for a sweep and is not set by hand; remove it")
    chosen = [text for text in overrides if text not in [f"{axis}=auto" for axis in AUTOMATIC]]
    said = []
    for axis in AUTOMATIC:
        if axis not in given or f"{axis}=auto" in overrides:
            said.append(f"{axis}={option_for(axis, given.get('clip.path'))}")
    return [*chosen, *said, *_driven([*chosen, *said])]


def _driven(overrides: Sequence[str]) -> list[str]:
    """What drives the head where that is not given: lip motion, and the universal prior's where that has a map of the features."""
    given = {override.key_or_group: _values(override) for override in _parse(overrides)}
    added = [] if "conditioning" in given else ["conditioning=lips"]
    if not any(key.split(".")[0] == "prior" for key in given):
        driven = given.get("conditioning", ["lips"]) == ["lips"]
        covered = set(given["audio"]) <= set(COVERED) and "audio.layer" not in given
        added.append(f"prior={UNIVERSAL if driven and covered else 'none'}")
    return added


def _values(override: Override) -> list[str]:
    """Of a sweep all of them."""
    return [
        str(value)
        for value in (override.sweep_string_iterator() if override.is_sweep_override() else [override.value()])
    ]


def choice(given: Sequence[str], completed: Sequence[str]) -> str | None:
    """What `complete` added to the overrides that were given, in one line; of a second best audio also how to get the best."""
    axes = (*AUTOMATIC, "conditioning", "prior")
    own = [part for text in given for part in _prior_file(text)]
    added = [text for text in completed if text.split("=")[0] in axes and text not in own]
    if not added:
        return None
    whisper = assets.asset(WHISPER)
    lacking = f"; whisper would be better, but {assets.absence(whisper)}: {assets.remedy(whisper)}"
    return f"tfg: chose {' '.join(added)}{lacking if 'audio=logmel' in added else ''}"


def say_choice(given: Sequence[str], completed: Sequence[str]) -> None:
    """`choice` on stderr, once nothing is left to refuse: a mistake is one line."""
    if line := choice(given, completed):
        print(line, file=sys.stderr)


def cells(overrides: Sequence[str]) -> list[list[str]]:
    """The cells of a sweep as lists of plain overrides; a single run is one cell."""
    axes: list[list[str]] = []
    for override in _parse(overrides):
        if override.is_sweep_override():
            axes.append([f"{override.get_key_element()}={value!s}" for value in override.sweep_string_iterator()])
        else:
            axes.append([override.input_line or ""])
    return [list(cell) for cell in product(*axes)]


def composed(cell: Sequence[str], blocks: tuple[str, ...] = ()) -> DictConfig:
    """One cell's configuration; InputError with a suggestion for an unknown key or option or a bad value.

    `blocks`: what the configuration holds beside a run's, as Hydra adds it: `+backbone/blocks@key=file`.
    """
    register_resolvers()
    cell = [part for text in cell for part in _prior_file(text)]
    parsed = _parse(cell)
    try:
        base = _check_names(parsed, blocks)
        chosen = composition.composed(base, [*blocks, *cell], parsed)
        config = literal(OmegaConf.to_container(chosen, resolve=True))
        name_prior(config)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(f"{str(error).splitlines()[0]}; `python run.py --cfg job` shows every key") from error
    for override in parsed:
        key = override.key_or_group
        if key not in _options() and not key.startswith("hydra"):
            _check_kind(key, OmegaConf.select(base, key), OmegaConf.select(config, key))
    return config


def name_prior(config: DictConfig) -> None:
    """A prior takes the name of its file."""
    if config.prior.weights is not None:
        config.prior.name = Path(str(config.prior.weights)).stem


def literal(plain: Any) -> DictConfig:
    """A configuration of plain values in which no string is an interpolation, whatever it holds."""
    config = OmegaConf.create(_escaped(plain))
    assert isinstance(config, DictConfig)
    return config


def varying(overrides: Sequence[str]) -> list[str]:
    """Keys that have more than one value in a sweep, in the order of the command line."""
    swept = [override for override in _parse(overrides) if override.is_sweep_override()]
    return [override.key_or_group for override in swept if len(list(override.sweep_string_iterator())) > 1]


def _escaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _escaped(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(child) for child in value]
    if isinstance(value, str):  # backslashes before an interpolation are escapes too, and doubled
        return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", value)
    return value


def _prior_file(text: str) -> list[str]:
    """`prior=FILE.safetensors` is an option of its own: the universal prior's settings with another file, whose name it takes."""
    if not (text.startswith("prior=") and text.endswith(".safetensors")):
        return [text]
    if "," in text:
        raise InputError(
            f"{text}: a sweep over files is prior=universal prior.weights=FILE,FILE; other priors are runs of their own"
        )
    return ["prior=universal", f"prior.weights={text.removeprefix('prior=')}"]


def _literal_path(text: str) -> str:
    return re.sub(r"(?<!\\)\$\{", r"\${", text) if text.startswith("clip.path=") else text


def _parse(overrides: Sequence[str]) -> list[Override]:
    parser, parsed = OverridesParser.create(), []
    for text in overrides:
        try:
            parsed.append(parser.parse_override(text))
        except HydraException as error:
            raise InputError(
                f"{text}: is not understood; an override is key=value, and a value with spaces, commas, brackets or quotes "
                "is quoted twice, as in \"clip.path='my (1).mp4'\""
            ) from error
    return parsed


def _options() -> dict[str, list[str]]:
    """Axis -> its options, the files of its folder."""
    return {
        folder.name: sorted(file.stem for file in folder.glob("*.yaml"))
        for folder in CONFIG.iterdir()
        if folder.is_dir() and folder.name != SWEEPS
    }


def _check_names(parsed: Sequence[Override], blocks: tuple[str, ...]) -> DictConfig:
    """Every key must exist in the composed configuration and every option in its folder; `+key` is no way around it.

    The configuration of these options with every value at its default.
    """
    options = _options()
    for override in parsed:
        given = override.key_or_group
        if given.startswith("hydra.job"):
            raise InputError(f"{given}: is not set here, since paths are those of the folder you are in; remove it")
        if given.rsplit(".", 1)[-1] == "_target_":
            raise InputError(
                f"{given}: is the option's own and is not set by hand; for a class of yours make a YAML in conf/"
            )
    parsed = [override for override in parsed if not override.key_or_group.startswith("hydra")]
    for override in parsed:
        axis, _, key = override.key_or_group.partition(".")
        if axis in options and axis != "clip" and key == "name":
            raise InputError(
                f"{axis}.name: is the name of the option and is not set by hand; for a variant of your own make "
                f"conf/{axis}/<name>.yaml, and choose it by {axis}=<name>"
            )
    groups = []
    for override in parsed:
        axis = override.key_or_group
        if axis in options:
            value = str(override.value())
            if value not in options[axis]:
                raise InputError(
                    f"{axis}={value}: unknown option{_hint(value, options[axis])}; allowed: {', '.join(options[axis])}"
                )
            groups.append(f"{axis}={value}")
    base = composition.defaults((*blocks, *groups))
    for axis, option in (group.split("=") for group in groups):
        settings = base.get(axis)
        if axis in NAMED and not (isinstance(settings, DictConfig) and isinstance(settings.get("name"), str)):
            raise InputError(
                f"{CONFIG / axis / option}.yaml: has no `name`, which runs and tables take; add the line `name: {option}`"
            )
    known = _keys(base)
    for override in parsed:
        key = override.key_or_group
        if key not in options and key not in known:
            hint = _hint(key, [*known, *options]) or "; `python run.py --cfg job` shows every key"
            raise InputError(f"unknown key '{key}'{hint}")
    return base


def _check_kind(key: str, default: object, value: object) -> None:
    """A number stays a number, a switch a switch, a list a list and a group of keys a group; ranges are the parts' own checks."""
    if isinstance(default, DictConfig):
        if not isinstance(value, DictConfig):
            inner = next(name for name in _keys(default) if not name.startswith("_"))
            raise InputError(f"{key}={value}: is a group of keys; give one of them, such as {key}.{inner}")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise InputError(f"{key}={value}: must be true or false")
    elif isinstance(default, int | float):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{key}={value}: must be a number, as its default {default:g} is")
    elif isinstance(default, ListConfig) and not isinstance(value, ListConfig):
        raise InputError(f"{key}={value}: must be a list in brackets, as its default {default} is")


def _keys(node: DictConfig, prefix: str = "") -> list[str]:
    keys = []
    for name in node:
        key = f"{prefix}{name!s}"
        keys.append(key)
        child = node._get_node(name)
        if isinstance(child, DictConfig) and not child._is_none():
            keys += _keys(child, key + ".")
    return keys


def _hint(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
