"""How a metric's entry of a record is printed: {value, unavailable, title, unit, better, digits, ...}. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NONE = "-"
IDENTICAL_DB = 100.0  # what the PSNR of a picture equal to its truth, which is infinite, counts in a mean
ARROWS = {"up": " \u2191", "down": " \u2193", "none": ""}  # the better direction


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
