"""Where the frames of a segment lie, as records have it: one piece in the record itself, or several under `pieces`.

Of selection.json (`start` and `seconds`) and head.json (frames beside them) alike. Standard library only, as all records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfg.record.checks import check_numbers


def pieces_of(segment: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """In the order of time; a segment in one piece is its own."""
    return segment.get("pieces") or (segment,)


def check_pieces(where: str, segment: Mapping[str, Any]) -> None:
    """ValueError for a piece without its first second."""
    if not isinstance(segment.get("pieces", []), list):
        raise ValueError(f"{where}.pieces is no list")
    for piece in pieces_of(segment):
        check_numbers(piece, "start", where=f"{where}.")


def starts_of(segment: Mapping[str, Any]) -> tuple[float, ...]:
    """First second of each piece."""
    return tuple(float(piece["start"]) for piece in pieces_of(segment))


def shown(segment: Mapping[str, Any]) -> str:
    """`12.00`, or of several pieces `1.00 + 7.20`: the first second of each."""
    return " + ".join(f"{start:.2f}" for start in starts_of(segment))
