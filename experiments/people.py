"""Real people of TFG_ASSETS: where their videos are, and the one segment of each that several grids train on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from experiments.grid import Cell

FOLDER = f"{os.environ.get('TFG_ASSETS', 'assets')}/video"
Place = tuple[str, int, int]  # file, start of the segment and held-out end in seconds
SEGMENT: dict[str, Place] = {
    "p03": ("people/p03b.mkv", 2, 10),
    "p04": ("people/p04b.mkv", 1, 7),
    "p05": ("people/p05.mkv", 2, 8),
    "p06": ("people/p06.mkv", 2, 8),
    "p07": ("people/p07.mp4", 10, 12),
    "p08": ("people/p08.mp4", 10, 12),
    "p09": ("people/p09.mp4", 3, 9),
    "p11": ("people/p11.mp4", 1, 6),
    "german": ("German_20s.mp4", 2, 8),
}


def of(*names: str) -> dict[str, Place]:
    """The segments of some people, in this order."""
    return {name: SEGMENT[name] for name in names}


def overrides(place: Place) -> tuple[str, ...]:
    """What `selector=at` needs of it."""
    file, start, held = place
    return f"clip.path={FOLDER}/{file}", f"start={start}", f"split.held_out={held}"


def ways(fixed: Sequence[str], places: Mapping[str, Place], given: Mapping[str, Sequence[str]]) -> tuple[Cell, ...]:
    """Each way on each person, person by person; `{person}` in a way's overrides stands for the name."""
    return tuple(
        Cell(
            labels={"person": person, "way": way},
            overrides=(*fixed, *overrides(place), *(text.replace("{person}", person) for text in own)),
        )
        for person, place in places.items()
        for way, own in given.items()
    )
