"""Motion fields between a file and a head: their parameters by name, without what belongs to one person's face."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from tfg.backbones.gaussian.motion import Field
from tfg.types import Floats, InputError, UniversalMotion


def read_fields(fields: Mapping[str, Field], universal: UniversalMotion) -> None:
    """Put the tensors `<name>/<parameter>` into these fields; InputError where they are not those of such fields."""
    expected = {key: tuple(parameter.shape) for key, parameter in _parameters(fields).items()}
    found = {key: values.shape for key, values in universal.tensors.items()}
    if expected != found:
        key = min(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        raise InputError(
            f"prior: its motion field {key} has shape {found.get(key)}, not {expected.get(key)}; learn it with the same audio features"
        )
    with torch.no_grad():
        for key, parameter in _parameters(fields).items():
            parameter.copy_(torch.from_numpy(universal.tensors[key]))


def tensors_of(fields: Mapping[str, Field]) -> dict[str, Floats]:
    """The inverse of `read_fields`."""
    return {key: parameter.detach().cpu().numpy() for key, parameter in _parameters(fields).items()}


def _parameters(fields: Mapping[str, Field]) -> dict[str, nn.Parameter]:
    return {f"{name}/{key}": value for name, field in fields.items() for key, value in field.named_parameters()}
