"""Krippendorff's alpha: 1 where raters agree, 0 where they agree as by chance, below 0 where they contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


def alpha(answers: Iterable[tuple[Hashable, Any]], difference: Callable[[Values, Values], Values]) -> float | None:
    """(unit, value) of every answer; `difference` is squared and symmetric. None where no unit has two, or all values are one.

    1 - D_o / D_e (Krippendorff 2011): D_o over pairs of values in a unit, each unit of m weighted 1 / (m - 1); D_e over all pairs.
    """
    units: dict[Hashable, list[Any]] = {}
    for unit, value in answers:
        units.setdefault(unit, []).append(value)
    paired = [np.array(values) for values in units.values() if len(values) > 1]
    if not paired:
        return None
    together = np.concatenate(paired)
    expected = difference(together[:, None], together).sum() / (len(together) - 1)
    if expected == 0:
        return None
    observed = sum(difference(values[:, None], values).sum() / (len(values) - 1) for values in paired)
    return float(1 - observed / expected)


def interval(one: Values, other: Values) -> Values:
    """Of numbers on a scale of equal steps."""
    return (one - other) ** 2.0


def nominal(one: Values, other: Values) -> Values:
    """Of names."""
    return (one != other).astype(np.float64)
