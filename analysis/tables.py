"""Cells of the tables of analysis."""

from __future__ import annotations

from analysis.stats import Estimate

HOLE = "missing"


def number(found: Estimate, digits: int) -> str:
    """`mean` or `mean [low, high]`."""
    if found.low is None or found.high is None:
        return f"{found.mean:.{digits}f}"
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
