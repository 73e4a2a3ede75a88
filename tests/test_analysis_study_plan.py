"""Facts of the order in which raters see videos: balanced over raters, drawn from a seed."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from analysis.study.plan import PAIR, RATING, Design, Trial, apart, trials, williams

CLIPS, METHODS = ("c1", "c2", "c3"), ("a", "b", "c", "d")
SHOWN = {(clip, method): f"{clip}{method}" for clip in CLIPS for method in METHODS}
CHECKS = (("t1", "f1"), ("t2", "f2"))


def made(raters: int, **changes: object) -> list[list[Trial]]:
    design = {"raters": raters, "pairs": None, "ratings": True, "seed": 0, **changes}
    return trials(Design(**design), SHOWN, CHECKS)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8])
def test_in_a_williams_square_each_stands_in_each_place_and_follows_each_other_equally_often(count: int) -> None:
    rows = williams(count)
    assert len(rows) == (count if count % 2 == 0 else 2 * count)
    for place in range(count):
        assert set(Counter(row[place] for row in rows).values()) == {len(rows) // count}
    follows = Counter(pair for row in rows for pair in itertools.pairwise(row))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) == 1


def test_every_rater_rates_every_video_once_and_over_raters_each_comes_in_each_round_equally_often() -> None:
    rounds: Counter[tuple[str, int]] = Counter()
    for plan in made(8):
        rated = [trial.left for trial in plan if trial.kind == RATING]
        assert sorted(rated) == sorted(SHOWN.values())
        rounds.update((video, place // len(CLIPS)) for place, video in enumerate(rated))
    assert set(rounds.values()) == {2}  # 8 raters, 4 rounds


def test_pairs_come_equally_often_and_as_often_left_as_right() -> None:
    plans = made(6, pairs=9)  # of 18
    asked = Counter(frozenset((trial.left, trial.right)) for plan in plans for trial in plan if trial.kind == PAIR)
    assert {count for pair, count in asked.items() if not pair & {"t1", "t2"}} == {3}
    left = Counter((trial.left, trial.right) for plan in made(6) for trial in plan if trial.left in SHOWN.values())
    assert {count for (_, right), count in left.items() if right} == {3}


def test_pairs_are_of_one_clip_and_neighbours_of_different_ones() -> None:
    for plan in made(3):
        clips = [trial.left[:2] for trial in plan if trial.kind == PAIR and trial.left in SHOWN.values()]
        assert all(one != other for one, other in itertools.pairwise(clips))
        assert all(trial.left[:2] == trial.right[:2] for trial in plan if trial.kind == PAIR and trial.left[0] == "c")
    turn = [("c1", ("a", "b"))] * 3 + [("c2", ("a", "b"))]
    assert [clip for clip, _ in apart(turn)] == ["c1", "c2", "c1", "c1"]


def test_each_rater_has_every_check_once_among_the_pairs_and_never_first() -> None:
    for plan in made(5):
        places = [number for number, trial in enumerate(plan) if {trial.left, trial.right} & {"t1", "t2"}]
        assert len(places) == len(CHECKS)
        assert 0 < places[0] < places[1] < 18
    assert len({trial.left for plan in made(20) for trial in plan if trial.left in ("t1", "f1")}) == 2  # either side


def test_orders_follow_from_the_seed_and_differ_between_raters() -> None:
    assert made(4) == made(4)
    assert made(4) != made(4, seed=1)
    assert len({tuple(plan) for plan in made(4)}) == 4


def test_a_study_may_be_of_pairs_or_ratings_alone() -> None:
    assert all(trial.kind == PAIR for plan in made(2, ratings=False) for trial in plan)
    assert all(trial.kind == RATING or trial.left[0] != "c" for plan in made(2, pairs=0) for trial in plan)
