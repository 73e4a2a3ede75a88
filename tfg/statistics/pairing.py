"""Which runs of two groups stand beside each other: on the same held-out frames, and of one seed or segment where these agree."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tfg.record import differences
from tfg.record.differences import Settings
from tfg.record.pieces import starts_of
from tfg.record.results import RunResult


class NoPair(ValueError):
    """Runs that cannot be compared; the message is one line that names them."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A head and its numbers."""

    name: str  # as messages call it
    head: str
    clip: str  # identity
    held_out: str  # digest of the true video
    segment: tuple[float, ...]  # first second of each of its pieces
    seed: int
    metrics: dict[str, dict[str, Any]]
    truth: dict[str, dict[str, Any]]  # scored against itself
    settings: Settings  # what its numbers depend on beside the segment

    @staticmethod
    def of(name: str, result: RunResult) -> Scored:
        return Scored(
            name=name,
            head=result.head,
            clip=result.notes["clip"]["identity"],
            held_out=result.notes["truth_digest"],
            segment=starts_of(result.selection),
            seed=int(result.config["seed"]),
            metrics=result.metrics,
            truth=result.truth,
            settings=differences.of_result(result),
        )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Runs of one clip and, where pairs agree in it, of one segment."""

    clip: str
    first: tuple[Scored, ...]
    second: tuple[Scored, ...]
    is_paired: bool  # first[i] beside second[i]; else two lists without order

    def pairs(self) -> Iterator[tuple[Scored, Scored]]:
        """Those that stand beside each other; of lists without order every two."""
        return zip(self.first, self.second, strict=True) if self.is_paired else product(self.first, self.second)


_KEYS: tuple[Callable[[Scored], Hashable], ...] = (
    lambda run: (run.seed, run.segment),
    lambda run: run.seed,
    lambda run: run.segment,
)


def matched(first: Sequence[Scored], second: Sequence[Scored]) -> tuple[list[Cell], list[str]]:
    """Cells of the clips that both groups have, and the names of runs that found no partner.

    Within a clip pairs agree in seed and segment, else in seed, else in segment; of runs that agree in nothing the two lists are kept.
    A head counts once in a group. NoPair: no clip in common, or other held-out frames.
    """
    groups = [list({run.head: run for run in group}.values()) for group in (first, second)]
    clips = [
        clip for clip in dict.fromkeys(run.clip for run in groups[0]) if any(run.clip == clip for run in groups[1])
    ]
    if not clips:
        raise NoPair(f"{first[0].name} and {second[0].name}: heads of other clips; compare runs of the same clips")
    cells: list[Cell] = []
    for clip in clips:
        sides = [[run for run in group if run.clip == clip] for group in groups]
        for run in (*sides[0], *sides[1]):
            if run.held_out != sides[0][0].held_out:
                raise NoPair(
                    f"{sides[0][0].name} and {run.name}: scored on other held-out frames; compare runs of one split and size"
                )
        cells += _cells(clip, sides[0], sides[1])
    used = {id(run) for cell in cells for run in (*cell.first, *cell.second)}
    return cells, [run.name for group in groups for run in group if id(run) not in used]


def _cells(clip: str, first: list[Scored], second: list[Scored]) -> list[Cell]:
    if len(first) == len(second) == 1:
        return [Cell(clip=clip, first=tuple(first), second=tuple(second), is_paired=True)]
    for key in _KEYS:
        sides = [{key(run): run for run in group} for group in (first, second)]
        if len(sides[0]) < len(first) or len(sides[1]) < len(second):
            continue  # the key does not tell the runs of a group apart
        common = [name for name in sides[0] if name in sides[1]]
        if common and (len(common) > 1 or len(first) == len(second) == 1):
            pairs = [(sides[0][name], sides[1][name]) for name in common]
            return _by_segment(clip, pairs)
    return [Cell(clip=clip, first=tuple(first), second=tuple(second), is_paired=False)]


def _by_segment(clip: str, pairs: list[tuple[Scored, Scored]]) -> list[Cell]:
    """A cell a segment where the two of every pair are of one segment, else one cell."""
    agree = all(first.segment == second.segment for first, second in pairs)
    groups: dict[tuple[float, ...] | None, list[tuple[Scored, Scored]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0].segment if agree else None, []).append(pair)
    return [
        Cell(clip=clip, first=tuple(a for a, _ in group), second=tuple(b for _, b in group), is_paired=True)
        for group in groups.values()
    ]
