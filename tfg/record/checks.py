"""What values of a record must hold: a check raises ValueError in a few words, its reader names the file. Standard library only."""

from __future__ import annotations

import sys
from pathlib import PurePosixPath
from typing import Any

_DIGITS = range(21)  # that a number may be printed with


def is_number(value: Any) -> bool:
    """A finite int or float; True and False are none."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


# Key of a metric's entry -> what it may be, as a test and in words.
_ENTRY = {
    "value": (lambda v: v is None or v == "inf" or is_number(v), 'a number, "inf" or null'),
    "unavailable": (lambda v: v is None or isinstance(v, str), "a text or null"),
    "definition": (_is_text, "a text"),
    "title": (_is_text, "a text"),
    "unit": (_is_text, "a text"),
    "better": (lambda v: v in ("up", "down", "none"), "up, down or none"),
    "digits": (lambda v: type(v) is int and v in _DIGITS, "a small number"),
}


def check_metrics(where: str, metrics: Any) -> None:
    """Name -> entry, of a head's scores and of an evaluation alike."""
    for name, entry in _dictionary(where, metrics).items():
        for key, (fits, allowed) in _ENTRY.items():
            if key not in _dictionary(f"{where}.{name}", entry):
                raise ValueError(f"{where}.{name} lacks {key}")
            if not fits(entry[key]):
                raise ValueError(f"{where}.{name}.{key} is not {allowed}")


def check_intervals(where: str, entries: dict[str, Any]) -> None:
    """Name -> an entry with both ends of an interval, or neither."""
    for name, entry in entries.items():
        ends = [entry.get("low", ""), entry.get("high", "")]
        if ends != [None, None] and not all(map(is_number, ends)):
            raise ValueError(f"{where}.{name} has no interval, nor null for both of its ends")


def check_cautions(where: str, cautions: Any, measures: Any) -> None:
    """Name of a metric -> sentences."""
    for name, said in _dictionary(where, cautions).items():
        if name not in measures or not isinstance(said, list) or not all(map(_is_text, said)):
            raise ValueError(f"{where}.{name} is no list of texts about a metric")


def check_files(where: str, files: Any) -> None:
    """What it is -> a path that stays in its folder."""
    for name, file in _dictionary(where, files).items():
        path = PurePosixPath(file) if isinstance(file, str) else PurePosixPath()
        if not path.parts or path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{where}.{name} is no file name in its folder")


def check_stages(where: str, stages: Any) -> None:
    """Stage -> {seconds, peak_mb, ...}; processor_seconds and the cost of making it anew where a newer tfg wrote them."""
    for name in _dictionary(where, stages):
        check_numbers(stages, f"{name}.seconds", f"{name}.peak_mb", where=f"{where}.")
        check_known(stages[name], "processor_seconds", "cold_processor_seconds", where=f"{where}.{name}.")


def check_known(node: dict[str, Any], *keys: str, where: str) -> None:
    """Keys that may lack, or be null where the number is not known."""
    for key in keys:
        if node.get(key) is not None:
            check_numbers(node, key, where=where)


def check_numbers(node: Any, *keys: str, where: str = "") -> None:
    """Dotted keys below `node` that must be there and be numbers; `where` opens their names in the message."""
    for key in keys:
        if not is_number(value_at(node, key, where)):
            raise ValueError(f"{where}{key} is no number")


def check_texts(node: Any, *keys: str, where: str = "") -> None:
    """Dotted keys below `node` that must be there and be texts."""
    for key in keys:
        if not isinstance(value_at(node, key, where), str):
            raise ValueError(f"{where}{key} is no text")


def value_at(node: Any, key: str, where: str = "") -> Any:
    """The value at a dotted key below `node`."""
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            raise ValueError(f"it lacks {where}{key}")
        node = node[part]
    return node


def _dictionary(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no dictionary")
    return value
