"""Reads files of named tensors strictly: nothing in them is executed, and every name and shape must be the expected one."""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from tfg.types import InputError

_COUNTER = "num_batches_tracked"  # of batch normalisation: only training needs it, and old files lack it
# What torch.load raises for foreign or cut files.
UNREADABLE = (
    *(pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError),
    *(AttributeError, AssertionError, struct.error, MemoryError, OverflowError),
)
Network = TypeVar("Network", bound=nn.Module)


def loaded(kind: type[Network], path: Path, *, what: str) -> Network:
    """A frozen network with the weights of a file, which may hold nothing but tensors of the right names and shapes."""
    with torch.device("meta"):  # no random numbers are drawn for weights that are replaced
        network = kind()
    expected = network.state_dict()
    found = _checked(_read(path), expected, path, what)
    counters = {name: torch.zeros((), dtype=torch.int64) for name in expected if name.endswith(_COUNTER)}
    network.load_state_dict(found | counters, assign=True)
    return network.eval().requires_grad_(False)


def _read(path: Path) -> Mapping[str, Any]:
    """What the file holds; unpickling is limited to tensors and containers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that are about to be refused
            found = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: is not a readable file of tensors ({reason:.80}); see `tfg assets`") from error
    if not isinstance(found, Mapping):
        raise InputError(f"{path}: holds a {type(found).__name__}, not named tensors; see `tfg assets`")
    return found


def _checked(found: Mapping[str, Any], expected: Mapping[str, Tensor], path: Path, what: str) -> dict[str, Tensor]:
    """float32 tensors under exactly the expected names and shapes, without the counters of batch normalisation."""
    given = {name: value for name, value in found.items() if not str(name).endswith(_COUNTER)}
    wanted = {name: value for name, value in expected.items() if not name.endswith(_COUNTER)}
    if strangers := sorted(given.keys() ^ wanted.keys(), key=str):
        verb = "lacks" if strangers[0] in wanted else "has the unknown"
        raise InputError(f"{path}: {verb} {strangers[0]} ({len(strangers)} names differ); not {what}, see `tfg assets`")
    for name, value in given.items():
        if not isinstance(value, Tensor) or value.shape != wanted[name].shape:
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise InputError(f"{path}: {name} is {shape}, expected {tuple(wanted[name].shape)}; see `tfg assets`")
    return {name: value.float() for name, value in given.items()}
