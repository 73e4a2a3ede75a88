"""How a metric's entry of a record is printed: {value, unavailable, title, unit, better, digits, ...}. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NONE = "-"
OFF = "switched off (metrics."  # in the reason of what the user switched off: tables leave that out
IDENTICAL_DB = 100.0  # what the PSNR of a picture equal to its truth, which is infinite, counts in a mean
ARROWS = {"up": " \u2191", "down": " \u2193", "none": ""}  # the better direction


def is_off(entry: Mapping[str, Any]) -> bool:
    """Whether there is no number because the user switched it off."""
    return entry["value"] is None and OFF in str(entry["unavailable"])


def all_off(entries: Iterable[Mapping[str, Any]]) -> bool:
    """Of at least one."""
    flags = [is_off(entry) for entry in entries]
    return bool(flags) and all(flags)


def formatted(entry: Mapping[str, Any] | None) -> str:
    """The value in its digits; `inf` of a video equal to its truth; a dash where there is none."""
    return NONE if entry is None else number(entry["value"], entry)


def number(value: float | str | None, entry: Mapping[str, Any]) -> str:
    """Another value of the same metric (a mean, an end of an interval), in the metric's digits."""
    return NONE if value is None else f"{float(value):.{entry['digits']}f}"


def ranged(ends: Sequence[float] | None, entry: Mapping[str, Any]) -> str:
    """`low to high`, or a dash."""
    return NONE if ends is None else f"{number(ends[0], entry)} to {number(ends[1], entry)}"


def header(entry: Mapping[str, Any]) -> str:
    """Title, unit and the arrow of the better direction, as `PSNR face dB` with an arrow up."""
    return titled(entry) + arrow(entry)


def titled(entry: Mapping[str, Any]) -> str:
    """Title and unit."""
    return f"{entry['title']} {entry['unit']}".rstrip()


def arrow(entry: Mapping[str, Any]) -> str:
    """With a space before it; empty where neither direction is better."""
    return ARROWS[entry["better"]]
