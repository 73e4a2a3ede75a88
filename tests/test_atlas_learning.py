"""Weights learned from people: made data whose answer is known, and what a person left out must not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tfg.atlas.learning import PEOPLE, RIDGES, SEGMENTS, Learn, learned, skills
from tfg.atlas.table import Person
from tfg.types import InputError

FIRST, SECOND = "logmel_pairs", "voiced_share"
R, DB = "mouth_correlation", "psnr_face"


def person(name: str, first: Sequence[float], second: Sequence[float], **scores: Sequence[float]) -> Person:
    columns = {FIRST: first, SECOND: second, **scores}
    numbers = {column: np.asarray(values, np.float64) for column, values in columns.items()}
    starts = 5.0 * np.arange(len(first))
    return Person(name=name, kind="real", tuned=False, seconds=5.0, starts=starts, numbers=numbers, seeds={})


def made(seed: int, *, people: int = 6, noise: float, segments: int = 30) -> list[Person]:
    """r = 3 first - 0.4 second within a person; `first` varies by 0.1 around a level of the person's own, `second` by 1."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(people):
        level = 50 * rng.standard_normal()
        first, second = level + 0.1 * rng.standard_normal(segments), rng.standard_normal(segments)
        quality = 3 * (first - level) - 0.4 * second + noise * rng.standard_normal(segments) + 10 * number
        found.append(person(str(number), first, second, **{R: quality}))
    return found


def learn(**given: object) -> Learn:
    return Learn(**{"columns": (FIRST, SECOND), "targets": (R,), "ridge": 1e-6, "over": PEOPLE, **given})  # type: ignore[arg-type]


def test_weights_and_scales_are_those_of_the_made_data() -> None:
    """0.3 and -0.4 a deviation, so 0.6 and -0.8 of the standardised quality; levels of people do not count as variation."""
    found = learned(learn(), made(0, noise=0.001, segments=400))
    assert found.weights[FIRST] == pytest.approx(0.6, abs=0.03)
    assert found.weights[SECOND] == pytest.approx(-0.8, abs=0.03)
    assert found.scales[FIRST].deviation == pytest.approx(0.1, rel=0.05)


def test_means_are_over_people_not_segments() -> None:
    people = [
        person("a", [0, 2], [0, 1], **{R: [0, 1]}),
        person("b", [10, 12, 14, 16], [0, 1, 0, 1], **{R: [0, 1, 2, 3]}),
    ]
    assert learned(learn(), people).scales[FIRST].mean == pytest.approx((1 + 13) / 2)


def test_two_targets_count_alike_whatever_their_unit() -> None:
    """Sync follows the first column, decibels the second."""
    first, second = [0.0, 1, 0, 1], [0.0, 0, 1, 1]
    one = person("a", first, second, **{R: [0.1 * value for value in first], DB: [20 + 5 * value for value in second]})
    found = learned(learn(targets=(R, DB), over=SEGMENTS), [one])
    assert found.weights == pytest.approx({FIRST: 0.5, SECOND: 0.5}, abs=1e-4)
    assert found.scales == {}


def test_the_ridge_is_small_where_people_agree_and_the_largest_where_they_do_not() -> None:
    assert learned(learn(ridge=None), made(0, noise=0.01)).ridge == RIDGES[0]
    rng = np.random.default_rng(0)
    opposed = [
        person(str(number), first := rng.standard_normal(8), rng.standard_normal(8), **{R: first * (-1) ** number})
        for number in range(6)
    ]
    assert learned(learn(ridge=None), opposed).ridge == RIDGES[-1]


def test_skill_is_of_the_person_who_was_left_out() -> None:
    """Of a, b and c alone a goes the other way: each of the others is predicted by one who agrees and one who does not."""
    up, flat = [0.0, 1, 2, 3], [0.0, 0, 0, 0]
    people = [
        person(name, up, flat, **{R: [sign * value for value in up]}) for name, sign in (("a", -1), ("b", 1), ("c", 1))
    ]
    assert skills(learn(columns=(FIRST,)), people) == pytest.approx({"a": -1.0, "b": 0.0, "c": 0.0})
    agreeing = skills(learn(ridge=None), made(1, noise=0.01))
    assert min(agreeing.values()) > 0.95


def test_who_lacks_a_number_is_not_learned_from() -> None:
    nan = float("nan")
    people = [
        person("a", [1, 2, 3], [1, 0, 1], **{R: [1, 2, 3]}),
        person("b", [1, 2, nan], [1, nan, 1], **{R: [1, 2, 3]}),
        person("c", [1, 2, 3], [1, 0, 1], **{R: [nan] * 3}),
    ]
    assert learned(learn(), people).people == ("a",)
    with pytest.raises(InputError, match="nobody to learn mouth_correlation from"):
        learned(learn(), people[1:])


def test_a_ridge_is_not_chosen_on_one_person_alone() -> None:
    with pytest.raises(InputError, match="two people or more"):
        learned(learn(ridge=None), made(0, people=1, noise=1.0))
