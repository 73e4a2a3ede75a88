"""Facts of a study's numbers: known preferences are recovered, chance shows none, careless raters are left out, edits are refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from study_raters import Crowd, key_of

from analysis.study import agreement, bradley_terry, ratings
from analysis.study.__main__ import main
from analysis.study.answers import Key, Preference, Rater, Rating, read_raters
from analysis.study.read import tables
from tfg.types import InputError

METHODS = ("a", "b", "c")
KNOWN = Crowd(strengths={"a": -1.0, "b": 0.0, "c": 1.0}, side=0.3, rater_sd=0.3, clip_sd=0.3)
CHANCE = Crowd(strengths=dict.fromkeys(METHODS, 0.0))


def raters_of(folder: Path, crowd: Crowd, key: Key, seed: int = 0) -> list[Rater]:
    return read_raters(crowd.write(folder, key, seed), key)


def fitted(raters: list[Rater], key: Key) -> bradley_terry.Strengths:
    return bradley_terry.fit([answer for rater in raters for answer in rater.preferences], key.methods)


def covered(tmp_path: Path, crowd: Crowd, times: int) -> float:
    """Share of the 95 % intervals of differences that hold the true one."""
    key, held = key_of(METHODS, num_clips=6, raters=10), []
    for seed in range(times):
        odds = fitted(raters_of(tmp_path, crowd, key, seed), key).log_odds
        for first, second in itertools.combinations(METHODS, 2):
            _, low, high = odds.between(first, second)
            held.append(low <= crowd.strengths[first] - crowd.strengths[second] <= high)
    return float(np.mean(held))


def test_known_strengths_are_recovered_in_order_and_within_intervals(tmp_path: Path) -> None:
    key = key_of(METHODS, num_clips=6, raters=12)
    found = fitted(raters_of(tmp_path, KNOWN, key), key)
    values = [found.log_odds.of(method)[0] for method in METHODS]
    assert values == sorted(values)
    assert sum(values) == pytest.approx(0, abs=1e-9)
    assert covered(tmp_path, KNOWN, 20) >= 0.9  # 60 intervals of 95 %; 0.95 less 1.8 of its deviation


def test_a_leaning_to_the_left_video_is_told_from_strength(tmp_path: Path) -> None:
    key = key_of(METHODS, num_clips=6, raters=10)
    crowd = replace(CHANCE, side=1.0)
    found = [fitted(raters_of(tmp_path, crowd, key, seed), key) for seed in range(6)]
    assert np.mean([strengths.side for strengths in found]) == pytest.approx(1.0, abs=0.25)  # 3 of its deviations
    assert np.mean([strengths.log_odds.of("a")[0] for strengths in found]) == pytest.approx(0.0, abs=0.2)


def test_raters_without_a_preference_give_intervals_that_hold_0(tmp_path: Path) -> None:
    assert covered(tmp_path, CHANCE, 20) >= 0.9


def test_bradley_terry_of_two_methods_is_the_logarithm_of_the_odds() -> None:
    answers = [
        Preference(rater=rater, clip="c", left=left, right=right, winner=winner)
        for rater in range(2)
        for (left, right), winner in zip([("a", "b"), ("b", "a")] * 10, ["a"] * 14 + ["b"] * 6, strict=True)
    ]
    odds = bradley_terry.fit(answers, ("a", "b")).log_odds
    assert odds.between("a", "b")[0] == pytest.approx(np.log(28.5 / 12.5), abs=0.02)  # half a choice either way


def test_a_method_that_always_wins_has_a_finite_strength_and_one_rater_no_interval() -> None:
    answers = [Preference(rater=1, clip="c", left="a", right="b", winner="a")] * 3
    answers += [Preference(rater=1, clip="c", left="b", right="a", winner="a")] * 3
    value, low, high = bradley_terry.fit(answers, ("a", "b")).log_odds.between("a", "b")
    assert value == pytest.approx(np.log(6.5 / 0.5), abs=1e-6)
    assert (low, high) == (None, None)


def rated(seed: int, means: dict[str, float]) -> list[Rating]:
    """Ten raters, six clips; both lean, and differ from method to method."""
    rng = np.random.default_rng(seed)
    rater, clip = rng.normal(0, 1, 10), rng.normal(0, 0.5, 6)
    by_rater, by_clip = ({name: rng.normal(0, 0.4, count) for name in means} for count in (10, 6))
    return [
        Rating(rater=r, clip=str(c), method=name, question="q", value=round(
            mean + rater[r] + clip[c] + by_rater[name][r] + by_clip[name][c] + rng.normal()
        ))
        for r in range(10)
        for c in range(6)
        for name, mean in means.items()
    ]  # fmt: skip


def test_mean_ratings_are_recovered_and_equal_methods_show_no_difference() -> None:
    held = []
    for seed in range(8):
        means = ratings.fit(rated(seed, {"a": 4.0, "b": 6.0, "c": 6.0}), METHODS).means
        for first, second, truth in (("b", "a", 2.0), ("c", "b", 0.0), ("c", "a", 2.0)):
            _, low, high = means.between(first, second)
            held.append(low <= truth <= high)
    assert np.mean(held) >= 0.85  # 24 intervals of 95 %, three of a study depend on each other
    assert means.of("b")[0] == pytest.approx(6, abs=1.2)


def test_variances_of_a_balanced_study_are_those_it_was_made_with() -> None:
    found = ratings.fit(rated(0, {"a": 4.0, "b": 6.0, "c": 6.0}), METHODS)
    assert set(found.variances) == {"rater", "clip", "rater x method", "clip x method", "residual"}
    assert found.variances["residual"] == pytest.approx(1 + 1 / 12, rel=0.3)  # rounding adds a twelfth
    assert 0.3 < found.variances["rater"] < 3


def test_alpha_is_that_of_the_published_example() -> None:
    """Three coders, fifteen units: nominal 0.691, interval 0.811 (the worked example of its encyclopedia page)."""
    table = [
        [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3],
        [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None],
        [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4],
    ]
    answers = [(unit, value) for coder in table for unit, value in enumerate(coder) if value is not None]
    assert agreement.alpha(answers, agreement.nominal) == pytest.approx(0.691, abs=5e-4)
    assert agreement.alpha(answers, agreement.interval) == pytest.approx(0.811, abs=5e-4)
    assert agreement.alpha([("u", 1), ("u", 1)], agreement.nominal) is None
    assert agreement.alpha([("u", 1), ("v", 2)], agreement.nominal) is None


def test_careless_raters_are_left_out_by_the_checks_and_named(tmp_path: Path) -> None:
    key = key_of(METHODS, num_clips=4, raters=8, checks=8)
    crowd = replace(KNOWN, careless=(3, 7))
    made = {table.name: table for table in tables(key, raters_of(tmp_path, crowd, key), failures=0)}
    assert set(made) == {"study_preference", "study_pairs", "study_ratings", "study_agreement"}
    who = made["study_pairs"].notes[-1]
    assert who.startswith(
        "6 of 8 raters; left out is who failed more than 0 attention checks or answered none: rater 3 ("
    )
    assert "rater 7 (" in who
    assert [row[0] for row in made["study_preference"].records] == ["c", "b", "a"]
    assert made["study_preference"].rows[0][-1].endswith(" of 48")  # 6 raters, 4 clips, 2 others
    alphas = dict(made["study_agreement"].records)
    assert 0.1 < alphas["lips"] < 0.9


def test_nobody_left_is_one_line(tmp_path: Path) -> None:
    key = key_of(METHODS, num_clips=2, raters=3, checks=6)
    crowd = replace(CHANCE, careless=(1, 2, 3))
    with pytest.raises(InputError, match=r"all 3 raters fail more checks"):
        tables(key, raters_of(tmp_path, crowd, key), failures=0)


def written(folder: Path, key: Key) -> Path:
    path = folder / "page.key.json"
    plans = [[asdict(trial) for trial in plan] for plan in key.plans]
    path.write_text(json.dumps({**asdict(key), "plans": plans}))
    return path


def test_the_command_writes_every_table_and_keeps_who_stopped_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(METHODS, num_clips=3, raters=4)
    files = KNOWN.write(tmp_path, key, seed=0)
    files[1].write_text("".join(files[1].read_text().splitlines(keepends=True)[:-4]))  # two ratings, two questions each
    given = ["read", *map(str, files), "--key", str(written(tmp_path, key)), "--out", str(tmp_path / "out")]
    assert main(given) == 0
    out = capsys.readouterr().out
    assert "Which method is preferred" in out
    count = len(key.plans[1])
    assert f"Stopped before the end, kept with what they answered: rater 2 ({count - 2} of {count})." in out
    assert len(list((tmp_path / "out").iterdir())) == 12


EDITS: dict[str, tuple[Callable[[str], str], str]] = {
    "another study": (lambda text: text.replace("s,1,", "x,1,", 1), "line 2: is of study x"),
    "another rater": (lambda text: text.replace("s,1,2,", "s,2,2,", 1), "line 3: is of rater 2"),
    "no such rater": (lambda text: text.replace("s,1,", "s,9,"), "line 2: rater '9' is no whole number from 1 to 2"),
    "a side swapped": (
        lambda text: text.replace(",preference,left,", ",preference,both,", 1),
        "is neither left nor right",
    ),
    "a rating of 11": (lambda text: text.replace("lips,5,", "lips,11,"), "answer '11' is no whole number from 1 to 10"),
    "another video": (lambda text: text.replace("clip0-a", "clip1-a"), "is not what this rater was shown in trial"),
    "a line twice": (lambda text: text + text.splitlines()[-1] + "\n", "is answered twice"),
    "a field less": (lambda text: text.replace(",9.5,2\n", ",9.5\n", 1), "line 2: does not have 10 fields"),
    "no seconds": (lambda text: text.replace(",9.5,", ",soon,", 1), "line 2: seconds 'soon' is no number"),
    "no answers": (lambda text: text.splitlines()[0] + "\n", "has no answers under the columns study,rater,"),
    "another table": (lambda text: "a,b\n1,2\n", "has no answers under the columns study,rater,"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_file_that_the_page_did_not_write_is_refused_in_one_line(
    edit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(("a", "b"), num_clips=2, raters=2)
    file = CHANCE.write(tmp_path, key, seed=1)[0]
    change, message = EDITS[edit]
    before = file.read_text()
    file.write_text(change(before))
    assert file.read_text() != before
    assert main(["read", str(file), "--key", str(written(tmp_path, key))]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"study: {file}")
    assert message in error
    assert error.count("\n") == 1


def test_one_rater_twice_and_a_missing_key_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = key_of(("a", "b"), num_clips=2, raters=2)
    file = CHANCE.write(tmp_path, key, seed=0)[0]
    (tmp_path / "again.csv").write_text(file.read_text())
    both = [str(file), str(tmp_path / "again.csv")]
    assert main(["read", *both, "--key", str(written(tmp_path, key))]) == 2
    assert "rater 1 is in" in capsys.readouterr().err
    assert main(["read", str(file), "--key", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.endswith("not there; --key names the file that `make` wrote beside the page\n")
    (tmp_path / "none.json").write_text("{}")
    assert main(["read", str(file), "--key", str(tmp_path / "none.json")]) == 2
    assert "is no key of a study (KeyError)" in capsys.readouterr().err
