"""In which order each rater sees what: balanced over raters, drawn from a seed, no video of it opened here."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

PAIR, RATING = "pair", "rating"
Shown: TypeAlias = Mapping[tuple[str, str], str]  # clip, method -> video


@dataclass(frozen=True, kw_only=True)
class Trial:
    kind: str  # PAIR | RATING
    left: str  # video; of a rating the only one
    right: str  # of a rating empty


@dataclass(frozen=True, kw_only=True)
class Design:
    raters: int
    pairs: int | None  # a rater; None: every pair of methods on every clip
    ratings: bool  # every method on every clip
    seed: int


def williams(count: int) -> list[list[int]]:
    """Rows of 0 ... count - 1: each stands once in every place, and follows each other equally often (Williams 1949).

    `count` rows where it is even, else twice as many.
    """
    first = [0]
    for step in range(1, count):
        first.append((first[-1] + (step if step % 2 else -step)) % count)
    rows = [[(place + shift) % count for place in first] for shift in range(count)]
    return rows if count % 2 == 0 else rows + [row[::-1] for row in rows]


def trials(design: Design, shown: Shown, checks: Sequence[tuple[str, str]]) -> list[list[Trial]]:
    """A list a rater: pairs with the checks among them, then ratings. `checks`: (video, its frozen twin), each shown once."""
    clips, methods = (tuple(dict.fromkeys(key[axis] for key in shown)) for axis in (0, 1))
    draw = random.Random(design.seed)
    compared = [(clip, pair) for clip in clips for pair in itertools.combinations(methods, 2)]
    draw.shuffle(compared)
    begins_left = {combination: draw.random() < 0.5 for combination in compared}
    of_a_rater = len(compared) if design.pairs is None else min(design.pairs, len(compared))
    times: Counter[tuple[str, tuple[str, str]]] = Counter()
    plans = []
    for rater in range(design.raters):
        first = rater * of_a_rater  # raters go on where the one before ended, so that each pair comes equally often
        turn = [compared[(first + number) % len(compared)] for number in range(of_a_rater)] if compared else []
        draw.shuffle(turn)
        pairs = []
        for clip, pair in apart(turn):
            straight = begins_left[clip, pair] == (times[clip, pair] % 2 == 0)
            times[clip, pair] += 1
            left, right = pair if straight else pair[::-1]
            pairs.append(Trial(kind=PAIR, left=shown[clip, left], right=shown[clip, right]))
        ratings = rating_order(rater, clips, methods, draw) if design.ratings else []
        plans.append(
            _with_checks(pairs, checks, draw) + [Trial(kind=RATING, left=shown[cell], right="") for cell in ratings]
        )
    return plans


def apart(turn: Sequence[tuple[str, tuple[str, str]]]) -> list[tuple[str, tuple[str, str]]]:
    """The same in an order in which a clip follows itself only where nothing else is left."""
    left = list(turn)
    ordered: list[tuple[str, tuple[str, str]]] = []
    while left:
        before = ordered[-1][0] if ordered else None
        most = Counter(clip for clip, _ in left)
        others = [item for item in left if item[0] != before] or left
        ordered.append(max(others, key=lambda item: most[item[0]]))
        left.remove(ordered[-1])
    return ordered


def rating_order(
    rater: int, clips: Sequence[str], methods: Sequence[str], draw: random.Random
) -> list[tuple[str, str]]:
    """Every (clip, method) once, in rounds of one method a clip by the rows of a Williams square that rotate with the rater."""
    rows = williams(len(methods))
    order: list[tuple[str, str]] = []
    for place in range(len(methods)):
        turn = [(clip, methods[rows[(rater + number) % len(rows)][place]]) for number, clip in enumerate(clips)]
        draw.shuffle(turn)
        if order and len(turn) > 1 and turn[0][0] == order[-1][0]:
            turn.append(turn.pop(0))
        order += turn
    return order


def _with_checks(pairs: list[Trial], checks: Sequence[tuple[str, str]], draw: random.Random) -> list[Trial]:
    """Checks at even distances among the pairs; which side is frozen is drawn."""
    placed = list(pairs)
    for number, check in enumerate(checks):
        left, right = check if draw.random() < 0.5 else check[::-1]
        place = round((number + 1) * len(pairs) / (len(checks) + 1))
        placed.insert(place + number, Trial(kind=PAIR, left=left, right=right))
    return placed
