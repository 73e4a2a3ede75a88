"""conf/ composed by Hydra: once for each choice of options, on which the values of a cell are then set."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tfg import configuration, yaml_file


@functools.cache
def defaults(groups: tuple[str, ...]) -> DictConfig:
    """The configuration of these options, `axis=option`, with every value at its default; one for all cells, not to be changed.

    InputError names the file of conf/ that is no YAML.
    """
    try:
        return _by_hydra(groups)
    except Exception:
        for path in sorted(configuration.folder().rglob("*.yaml")):
            yaml_file.read(path, "the other files of its folder are examples")
        raise


def composed(base: DictConfig, given: Sequence[str], cell: Sequence[Override]) -> DictConfig:
    """What Hydra composes of the command line `given`, unresolved; HydraException or OmegaConfBaseException where it cannot.

    `base`: the defaults of its options. The values of `cell`, its overrides, are set on them in Hydra's way, a fifth of the time of
    composing again; Hydra does it where more than `key=value` is given, and says what does not fit.
    """
    config = copy.deepcopy(base)
    for override in cell:
        key = override.key_or_group
        plain = override.type is OverrideType.CHANGE and override.package is None and not override.is_sweep_override()
        if not plain or key.startswith("hydra"):
            return _by_hydra(given)
        if not (configuration.folder() / key).is_dir():  # an option is chosen already
            try:
                OmegaConf.update(config, key, override.value(), merge=True)
            except OmegaConfBaseException:
                return _by_hydra(given)
    return config


def _by_hydra(given: Sequence[str]) -> DictConfig:
    with initialize_config_dir(str(configuration.folder()), version_base="1.3"):
        return compose("config", overrides=list(given))
