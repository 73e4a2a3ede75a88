"""Selectors judged by lookup, on atlases whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sample_atlas import Row, head, people, write

from analysis import heads
from analysis.heads import segments
from tfg.atlas import rule
from tfg.atlas.bench import Verdict, judge, over_people, replica
from tfg.atlas.table import Person, read
from tfg.types import InputError

R = "mouth_correlation"


def atlas(tmp_path: Path, rows: list[Row]) -> list[Person]:
    return read(write(tmp_path / "atlas.csv", rows), backbone="instag", seconds=5.0)


def verdict(rows: list[Row], tmp_path: Path, *rules: str, quality: str = R) -> Verdict:
    """Of the last rule, compared with those before."""
    found = judge([rule.read(given) for given in rules], atlas(tmp_path, rows), quality, rules[:-1])
    return found[-1]


def written(tmp_path: Path, text: str, name: str = "mine") -> str:
    (tmp_path / f"{name}.yaml").write_text(text)
    return str(tmp_path / f"{name}.yaml")


def test_regret_percentile_and_hits_of_a_rule_by_hand(tmp_path: Path) -> None:
    """`audio` takes the last of each: a's is the best of four, b's the second of four (0.2 below the best)."""
    made = verdict(people({"a": (0.1, 0.2, 0.3, 0.6), "b": (0.1, 0.2, 0.7, 0.5)}), tmp_path, "audio")
    first, second = made.choices
    assert (first.value, first.regret, first.first, first.top) == (0.6, 0, 1, 1)
    assert (second.value, second.regret, second.first, second.top) == (0.5, pytest.approx(0.2), 0, 1)
    assert (first.percentile, second.percentile) == (3.5 / 4, 2.5 / 4)
    assert first.above == pytest.approx(0.3)
    assert made.over["regret"].mean == pytest.approx(0.1)


def test_random_is_exact_its_percentile_is_one_half_and_it_is_zero_above_the_mean(tmp_path: Path) -> None:
    made = verdict(people({"a": (0.1, 0.2, 0.2, 0.6), "b": (0.3, 0.9)}), tmp_path, "random")
    assert [choice.percentile for choice in made.choices] == [0.5, 0.5]
    assert [choice.above for choice in made.choices] == pytest.approx([0, 0])
    assert [choice.first for choice in made.choices] == [0.25, 0.5]
    assert made.choices[0].regret == pytest.approx(0.6 - 0.275)
    assert made.over["percentile"].low is None  # it does not vary


def test_the_interval_is_students_t_over_people(tmp_path: Path) -> None:
    """0.1, 0.2, 0.3: mean 0.2, s 0.1, t(2) = 4.3027."""
    found = over_people([0.1, 0.2, 0.3])
    assert (found.low, found.high) == pytest.approx((0.2 - 4.302653 * 0.1 / 3**0.5, 0.2 + 4.302653 * 0.1 / 3**0.5))
    assert over_people([0.5]).low is None


def test_a_rule_is_compared_with_another_on_each_person(tmp_path: Path) -> None:
    """audio takes the last, first the first: 0.3 and 0.1 ahead."""
    made = verdict(people({"a": (0.1, 0.4), "b": (0.2, 0.3)}), tmp_path, "first", "audio")
    assert made.ahead["first"].mean == pytest.approx(0.2)


def test_chance_is_the_share_of_random_draws_that_get_as_far(tmp_path: Path) -> None:
    """The best of four of each of two people: 1/16, but for 20,000 draws."""
    made = verdict(people({"a": (0.1, 0.2, 0.3, 0.6), "b": (0.1, 0.2, 0.3, 0.9)}), tmp_path, "audio")
    assert made.chance == pytest.approx(1 / 16, abs=0.006)


def test_seeds_are_averaged_and_another_seeds_best_is_judged_in_the_first(tmp_path: Path) -> None:
    rows = [head("a", place, seed=0, **{R: value}) for place, value in enumerate((0.1, 0.5, 0.3))]
    rows += [head("a", place, seed=1, **{R: value}) for place, value in enumerate((0.1, 0.3, 0.5))]
    (person,) = atlas(tmp_path, rows)
    assert person.numbers[R] == pytest.approx([0.1, 0.4, 0.4])
    made = replica([person], R)
    assert made is not None
    assert made.choices[0].regret == pytest.approx(0.2)  # 0.3 instead of 0.5, both ways


def test_without_a_second_seed_there_is_no_replica(tmp_path: Path) -> None:
    assert replica(atlas(tmp_path, people({"a": (0.1, 0.4)})), R) is None


def test_segments_without_the_quality_are_no_candidates_and_people_without_it_are_named(tmp_path: Path) -> None:
    rows = [*people({"a": (0.1, 0.4)}), head("a", 2.0, audio_pairs=3), head("b", 0.0, audio_pairs=1)]
    made = verdict(rows, tmp_path, "audio")
    assert [(choice.person, choice.segments, choice.value) for choice in made.choices] == [("a", 2, 0.4)]
    assert made.not_judged == ("b",)


def test_isexplore_takes_the_largest_ratio_among_the_five_most_varied(tmp_path: Path) -> None:
    """The sixth most varied has the largest ratio and is not looked at."""
    mc = "mc_both_0.25_pooled_radial"
    motion = (0.01, 0.3, 0.2, 0.4, 0.3, 0.3)
    rows = [head("a", place, audio_pairs=1 + place / 10, **{mc: motion[place], R: place}) for place in range(6)]
    assert verdict(rows, tmp_path, "isexplore").choices[0].value == 2


def test_ties_go_to_the_smaller_start(tmp_path: Path) -> None:
    rows = [head("a", place, audio_pairs=2, **{R: place}) for place in (3.0, 1.0, 2.0)]
    assert verdict(rows, tmp_path, "audio").choices[0].value == 1


def test_weights_are_of_numbers_standardised_within_the_person(tmp_path: Path) -> None:
    """voiced_share decides although audio_pairs is a thousand times as large: both spread by one."""
    given = written(tmp_path, "score: {sum: {audio_pairs: 1, voiced_share: 2}}")
    rows = [
        head("a", 0, audio_pairs=3000, voiced_share=0.1, **{R: 0.1}),
        head("a", 1, audio_pairs=1000, voiced_share=0.9, **{R: 0.2}),
    ]
    assert verdict(rows, tmp_path, given).choices[0].value == 0.2


def test_a_segment_whose_feature_is_missing_is_not_chosen(tmp_path: Path) -> None:
    rows = [*people({"a": (0.1, 0.2)}), head("a", 2.0, **{R: 0.9})]
    assert verdict(rows, tmp_path, "audio").choices[0].value == 0.2
    with pytest.raises(InputError, match="no segment of a has all of mc_camera"):
        rule.read("camera").shares(atlas(tmp_path, rows)[0], ())


def test_who_lacks_the_features_of_a_rule_is_named_and_the_others_are_judged(tmp_path: Path) -> None:
    """b's only segment with the feature has no quality."""
    rows = [*people({"a": (0.1, 0.2)}), head("b", 0, **{R: 0.9}), head("b", 1, audio_pairs=1)]
    made = verdict(rows, tmp_path, "audio")
    assert [choice.person for choice in made.choices] == ["a"]
    assert made.not_judged == ("b",)


def test_a_mean_over_seeds_is_that_of_the_analysis(tmp_path: Path) -> None:
    """NaN where a head lacks the number; of one seed alone where the other was not trained."""
    rows = [head("a", 0, seed=0, **{R: 0.2}), head("a", 0, seed=1), head("a", 1, seed=0, **{R: 0.4})]
    rows += [head("a", 2, seed=seed, **{R: 0.5 + seed / 10}) for seed in (0, 1)]
    path = write(tmp_path / "atlas.csv", [row | {"px": 128, "audio": "whisper"} for row in rows])
    (person,) = read(path, backbone="instag", seconds=5.0)
    assert person.numbers[R] == pytest.approx([np.nan, 0.4, 0.55], nan_ok=True)
    assert person.numbers[R] == pytest.approx(segments(heads.read(path)).rows[R].to_numpy(), nan_ok=True)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"px": 256}, r"a: heads of several px \(128, 256\)"),
        ({"audio": "ave"}, r"a: heads of several audio \(ave, whisper\)"),
        ({"prior": "mine"}, r"a: heads of several prior \(mine, universal\)"),
        ({"start": 0}, "a: 2 heads of start 0, seed 0"),
    ],
)
def test_heads_that_are_not_comparable_are_refused(other: Row, said: str, tmp_path: Path) -> None:
    common = {"px": 128, "audio": "whisper", "prior": "universal"}
    rows = [head("a", 0, **common), head("a", 1, **common) | other]
    with pytest.raises(InputError, match=said):
        atlas(tmp_path, rows)


LEARN = "learn: {columns: [audio_pairs], target: mouth_correlation, ridge: 0.001}"


def test_a_learned_rule_never_learns_from_the_person_it_is_judged_on(tmp_path: Path) -> None:
    """On a and b more is better, on c less: learned from the others it is wrong on c, and right on a and b only by each other.

    With c among the two others of a, the two weights cancel: ties go to the smaller start.
    """
    values = {"a": (0.1, 0.2, 0.3), "b": (0.1, 0.2, 0.3), "c": (0.3, 0.2, 0.1)}
    made = verdict(people(values), tmp_path, written(tmp_path, LEARN))
    assert [choice.value for choice in made.choices] == [0.1, 0.1, 0.1]
    two = verdict(people({name: values[name] for name in "ab"}), tmp_path, written(tmp_path, LEARN))
    assert [choice.value for choice in two.choices] == [0.3, 0.3]


def test_ridge_recovers_the_weights_of_made_data(tmp_path: Path) -> None:
    """quality = 2 z1 - z2 with little noise; of the standardised quality the weights are in that ratio."""
    rng = np.random.default_rng(0)
    rows = []
    for person in "abcd":
        first, second = rng.standard_normal((2, 40))
        quality = 2 * first - second + 0.01 * rng.standard_normal(40)
        rows += [head(person, k, audio_pairs=first[k], voiced_share=second[k], **{R: quality[k]}) for k in range(40)]
    given = "learn: {columns: [audio_pairs, voiced_share], target: mouth_correlation, ridge: 0.0001}"
    learned = rule.read(written(tmp_path, given)).fixed(atlas(tmp_path, rows)).terms
    assert learned["audio_pairs"] / learned["voiced_share"] == pytest.approx(-2, rel=0.2)


def test_people_on_whom_weights_were_learned_are_not_judged(tmp_path: Path) -> None:
    given = written(tmp_path, "score: {sum: {audio_pairs: 1}}\nlearned_from: [a]")
    made = verdict(people({"a": (0.1, 0.2), "b": (0.1, 0.2)}), tmp_path, given)
    assert [choice.person for choice in made.choices] == ["b"]
    assert made.not_judged == ("a",)


def test_other_lengths_backbones_and_whole_references_are_no_candidates(tmp_path: Path) -> None:
    rows = [
        *people({"a": (0.1, 0.2)}),
        head("a", 7, seconds=10, **{R: 0.9}),
        head("a", 7, backbone="synctalk", **{R: 0.9}),
        head("a", 0, seconds=5, full="true", **{R: 0.9}),
        head("a", 8, seconds=5, growth=0, **{R: 0.9}),
    ]
    assert atlas(tmp_path, rows)[0].starts.tolist() == [0, 1]
