"""The training curve: metrics.csv in a head's folder, rows of step, name, value. Standard library only."""

from __future__ import annotations

import re

HEADER = "step,name,value"
_ROW = re.compile(r"(\d{1,12}),([\w/.-]+),(nan|-?inf|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)", re.ASCII)

Row = tuple[int, str, str]  # step, name, value as written


def parse(text: str) -> tuple[list[Row], int]:
    """The readable rows below the header, and how many others there are; a last one that a killed process cut is neither."""
    lines = text.splitlines()[1:] if text.endswith("\n") else text.splitlines()[1:-1]
    found = [_ROW.fullmatch(line) for line in lines]
    rows = [(int(row[1]), row[2], row[3]) for row in found if row]
    return rows, len(lines) - len(rows)
