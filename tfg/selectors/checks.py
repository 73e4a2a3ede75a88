"""Checks of the values that a selector's config may hold. One line each, naming the key as it is typed: `selector.<key>`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from tfg.types import InputError


def check_choice(key: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        close = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.5)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise InputError(f"selector.{key}: '{value}' is unknown{hint} (allowed: {', '.join(allowed)})")


def check_switch(key: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InputError(f"selector.{key}: {value!r} is no switch; give true or false")


def check_count(key: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"selector.{key}: {value!r} is not allowed; give a whole number, at least {least}")


def check_between(key: str, value: object, low: float, high: float, *, low_allowed: bool = False) -> None:
    """A finite number in (low, high), or in [low, high) with `low_allowed`."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not (low <= value < high if low_allowed else low < value < high):  # type: ignore[operator]
        least = "from" if low_allowed else "above"
        raise InputError(f"selector.{key}: {value!r} is not allowed; give a number {least} {low:g} and below {high:g}")
