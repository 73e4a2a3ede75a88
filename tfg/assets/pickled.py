"""Reads dictionaries of numpy arrays out of a pickle without unpickling: no name in it is ever imported or called.

A pickle is a program for a small stack machine. Here only the instructions that build dictionaries, tuples, numbers, texts
and plain numpy arrays are understood; anything else is refused.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GLOBALS = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy ndarray",
    "numpy dtype",
}
_TYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_LITERALS = {"BININT", "BININT1", "BININT2", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINBYTES", "BINBYTES"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = {"PROTO", "FRAME", "STOP"}


@dataclass(frozen=True)
class _Name:
    """A global that was named, not looked up."""

    name: str


@dataclass
class _Type:
    """A numpy type under construction."""

    code: str
    order: str = "="


@dataclass
class _Array:
    """A numpy array under construction."""

    value: NDArray[Any] | None = None


_MARK = _Name("mark")


def read_arrays(path: Path) -> dict[str, Any]:
    """Nested dictionaries of arrays; ValueError where the pickle asks for anything else."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, position in pickletools.genops(path.read_bytes()):
            _do(opcode.name, argument, stack, memo, position or 0)
        (result,) = stack
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not a well-formed pickle of arrays ({error})") from error
    if not isinstance(result, dict):
        raise ValueError("not a dictionary of arrays")
    return _finished(result)


def _do(name: str, argument: Any, stack: list[Any], memo: dict[int, Any], position: int) -> None:
    """One instruction."""
    if name in _IGNORED:
        return
    if name in _LITERALS:
        stack.append(argument)
    elif name in _CONSTANTS:
        stack.append(_CONSTANTS[name])
    elif name == "MARK":
        stack.append(_MARK)
    elif name == "EMPTY_DICT":
        stack.append({})
    elif name == "EMPTY_TUPLE":
        stack.append(())
    elif name == "TUPLE":
        stack.append(tuple(_since_mark(stack)))
    elif name in _TUPLES:
        items = stack[-_TUPLES[name] :]
        del stack[-_TUPLES[name] :]
        stack.append(tuple(items))
    elif name in ("BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name == "GLOBAL" and argument in _GLOBALS:
        stack.append(_Name(argument))
    elif name == "REDUCE":
        arguments, function = stack.pop(), stack.pop()
        stack.append(_made(function, arguments))
    elif name == "BUILD":
        state = stack.pop()
        _fill(stack[-1], state)
    elif name == "SETITEM":
        value, key = stack.pop(), stack.pop()
        stack[-1][key] = value
    elif name == "SETITEMS":
        items = _since_mark(stack)
        stack[-1].update(zip(items[::2], items[1::2], strict=True))
    else:
        raise ValueError(f"instruction {name} {argument!s:.60} at byte {position} is not allowed in a file of arrays")


def _since_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _made(function: Any, arguments: Any) -> _Array | _Type:
    """What numpy's two constructors would make, still empty."""
    name = function.name if isinstance(function, _Name) else ""
    if name.endswith("_reconstruct") and arguments == (_Name("numpy ndarray"), (0,), b"b"):
        return _Array()
    if name == "numpy dtype" and arguments[0] in _TYPES:
        return _Type(arguments[0])
    raise ValueError(f"a call of {name or function!r} is not allowed in a file of arrays")


def _fill(thing: Any, state: Any) -> None:
    """The state of a type is (version, byte order, ...); of an array (version, shape, type, in Fortran order, bytes)."""
    if isinstance(thing, _Type):
        thing.order = {"<": "<", ">": ">", "|": "|"}[state[1]]
    elif isinstance(thing, _Array) and isinstance(state[2], _Type):
        _, shape, kind, fortran, data = state
        array = np.frombuffer(data, np.dtype(f"{kind.order}{kind.code}"))
        thing.value = array.reshape(shape, order="F" if fortran else "C")
    else:
        raise ValueError("an object that is no array is not allowed in a file of arrays")


def _finished(tree: dict[str, Any]) -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves[key] = _finished(value)
        elif isinstance(value, _Array) and value.value is not None:
            leaves[key] = value.value
        else:
            raise ValueError(f"'{key}' is no array")
    return leaves
