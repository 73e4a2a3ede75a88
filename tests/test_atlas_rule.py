"""A rule's YAML: what is wrong with it is said in one line, and nothing in it is run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tfg.atlas import rule, rule_text
from tfg.types import InputError

SUM = "score: {sum: {audio_pairs: 1}}\n"
WRONG = {
    "score: {sum: {audio_pears: 1}}": "did you mean audio_pairs",
    "score: {sum: {zzz: 1}}": "columns.py lists them",
    "score: {sum: {psnr_face: 1}}": "psnr_face is known only after training",
    "score: {sum: {audio_pairs: much}}": "score.sum.audio_pairs: 'much' is no number",
    "score: {sum: {audio_pairs: .nan}}": "is no number",
    "score: {sum: {}}": "give {column: weight}",
    "score: {product: {audio_pairs: 1}}": "give random, first",
    "score: audio_pairs": "give random, first",
    "score: {ratio: [audio_pairs]}": "give two columns",
    "score: {ratio: [audio_pairs, audio_pairs]}": "audio_pairs twice",
    SUM + "learn: {}": "give one of score and learn",
    "title: none": "give one of score and learn",
    SUM + "code: import os": "'code' is no key of a rule",
    SUM + "shortlist: 5": "give {by: column, top: count}",
    SUM + "shortlist: {by: audio_pairs, top: 0}": "shortlist.top: 0",
    SUM + "shortlist: {by: audio_pairs, top: true}": "shortlist.top: True",
    SUM + "learned_from: all": "is no list of people",
    "learn: {columns: [], target: psnr_face, ridge: 1}": "give a list of columns",
    "learn: {columns: [audio_pairs], target: audio_pairs, ridge: 1}": "audio_pairs is no score of a head",
    "learn: {columns: [audio_pairs], target: psnr_face, ridge: 0}": "give a number above 0",
    "learn: {columns: [audio_pairs], target: psnr_face}": "give {columns",
    "learn: {columns: [audio_pairs], target: psnr_face, ridge: best}": "learn.ridge: 'best' is no number",
    "learn: {columns: [audio_pairs], target: psnr_face, ridge: 1, over: clips}": "give segments or people",
    "learn: {columns: [audio_pairs], target: [psnr_face, voiced_share], ridge: 1}": "voiced_share is no score of a head",
    "score: {linear: {audio_pears: {weight: 1, mean: 0, deviation: 1}}}": "did you mean audio_pairs",
    "score: {linear: {audio_pairs: {weight: 1, mean: 0}}}": "score.linear.audio_pairs: no deviation; give",
    "score: {linear: {audio_pairs: 1}}": "score.linear.audio_pairs: 1; give {weight: 1",
    "score: {linear: {audio_pairs: {weight: 1, mean: 0, deviation: 0}}}": "deviation: 0; give a number above 0",
    "score: {linear: {}}": "give {column: {weight",
    SUM + "shortlist: {by: audio_pairs, top: 1, max_overlap: 1}": "shortlist.max_overlap: 1; give a number from 0",
    "score: {sum: {mc_camera_0.25: 1}}\nshortlist: {by: sound, top: 1}": "the score weighs no column of sound",
    "score: first\nshortlist: {by: sound, top: 1}": "the score weighs no column of sound",
    "- a": "no keys in it",
    "title: a\nscore: {sum: [": "line 2: not a YAML from here on; look here and one line above for a bracket",
    "score: first\nscore: first": "line 2: a key is given twice; keep one",
    "score: {sum: {[1]: 2}}": "line 1: not a YAML",
    "score: \x07": "not a YAML",
    "score: {ratio: [[audio_pairs], audio_pairs]}": "['audio_pairs'] is no column",
    "learn: {columns: [audio_pairs], target: {a: 1}, ridge: 1}": "{'a': 1} is no column",
    f"score: {{sum: {{audio_pairs: 1{'0' * 400}}}}}": "score.sum.audio_pairs: 1000",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_in_one_line_that_names_the_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        rule.read(str(path))
    message = str(caught.value)
    assert WRONG[text] in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_wrong_value_is_cut(tmp_path: Path) -> None:
    """A CSV that is given instead of a rule is one long key."""
    path = tmp_path / "atlas.csv"
    path.write_text("person,start\n" + "a,1\n" * 1000)
    with pytest.raises(InputError, match="is no key of a rule") as caught:
        rule.read(str(path))
    assert len(str(caught.value)) < 200 + len(str(path))


def test_a_file_may_not_have_the_name_of_a_rule_that_comes_with_tfg(tmp_path: Path) -> None:
    path = tmp_path / "isexplore.yaml"
    path.write_text("score: first")
    with pytest.raises(InputError, match="isexplore is a rule that comes with tfg; rename the file"):
        rule.read(str(path))
    assert rule.read(str(rule.SHIPPED / "isexplore.yaml")) == rule.read("isexplore")


def test_a_rule_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InputError, match=r"no such rule; give a YAML, or one of .*isexplore"):
        rule.read("nothing.yaml")


def test_the_example_of_the_docs_is_a_rule_and_stands_on_its_page() -> None:
    docs = Path(__file__).parents[1] / "docs"
    example = docs / "my_selector.yaml"
    made = rule.read(str(example))
    assert (made.kind, made.shortlist is not None, bool(made.about)) == (rule.SUM, True, True)
    body = example.read_text().split("\n", 1)[1]  # without the line on how to run it
    assert f"```yaml\n{body}```" in (docs / "bench.md").read_text()
    assert all(f"`{key}`" in (docs / "bench.md").read_text() for key in rule.KEYS)


@pytest.mark.parametrize("name", rule.shipped())
def test_every_rule_that_comes_with_tfg_can_be_read(name: str) -> None:
    assert rule.read(name).name == name


def test_the_selectors_of_conf_that_need_no_other_part_are_rules_too() -> None:
    conf = Path(__file__).parents[1] / "conf" / "selector"
    papers = {"random", "first", "audio", "lip", "camera", "lip_camera", "isexplore"}
    assert papers <= {path.stem for path in conf.glob("*.yaml")} & set(rule.shipped())


def test_the_smallest_are_short_listed_with_a_minus() -> None:
    made = rule.Shortlist(by="audio_pairs", sign=-1, top=2)
    assert rule._shortlist({"by": "-audio_pairs", "top": 2}) == made


LINEAR = """
shortlist: {by: sound, top: 2}
score:
  linear:
    logmel_pairs: {weight: 2, mean: 1, deviation: 0.5}
    mc_camera_0.25: {weight: -1, mean: 0.3, deviation: 0.1}
"""


def test_a_linear_score_is_a_function_of_one_segment(tmp_path: Path) -> None:
    """2 (1.5 - 1) / 0.5 - (0.2 - 0.3) / 0.1 = 3, whatever the others are; by sound alone 2."""
    path = tmp_path / "mine.yaml"
    path.write_text(LINEAR)
    made = rule.read(str(path))
    for other in (0.0, 9.0):
        numbers = {"logmel_pairs": np.array([1.5, other]), "mc_camera_0.25": np.array([0.2, other])}
        assert made.scores(numbers, np.arange(2.0))[0] == pytest.approx(3)
        assert made.of_sound(numbers)[0] == pytest.approx(2)


def test_the_shortlist_by_sound_knows_no_face(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(LINEAR)
    made = rule.read(str(path))
    numbers = {"logmel_pairs": np.array([1.0, 3.0, 2.0])}
    assert made.listed(numbers, [0.0, 5.0, 10.0], 5.0) == [1, 2]
    apart = dataclasses.replace(made.shortlist, max_overlap=0.0)
    assert dataclasses.replace(made, shortlist=apart).listed(numbers, [0.0, 5.0, 9.0], 5.0) == [1, 0]


def test_fixed_weights_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(LINEAR + "learned_from: [a, b]")
    made = rule.read(str(path))
    again = tmp_path / "again.yaml"
    again.write_text("title: mine\n" + "\n".join(rule_text.lines(made)))
    assert dataclasses.replace(rule.read(str(again)), name="mine") == made
