"""`tfg bench`: tables and JSON on a small atlas, and one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_atlas import head, people, write

from tfg.cli import run

MC = ("mc_both_0.25_pooled_radial", "mc_lips_0.25_pooled_radial", "mc_camera_0.25")


@pytest.fixture
def atlas(tmp_path: Path) -> str:
    """Two real people and a tuned synthetic one."""
    rows = people({"a": (0.1, 0.2, 0.3), "b": (0.1, 0.3, 0.2)})
    rows += [head("s", k, kind="synthetic", tuned="true", audio_pairs=k, mouth_correlation=0.9) for k in range(3)]
    return str(write(tmp_path / "atlas.csv", [row | dict.fromkeys(MC, 0.2) for row in rows]))


def test_a_shipped_selector_is_judged_beside_random_and_isexplore(
    atlas: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "audio", "--atlas", atlas]) == 0
    out = capsys.readouterr().out
    assert "instag, 5 s, 3 (all people), 9 segments" in out
    shown = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("| ")]
    assert shown == ["selector", "Audio", "Random", "ISExplore"]
    assert "face PSNR, dB: no head of these people has it" in out
    for line in ("Random: any segment, all alike", "ISExplore: of the five segments", "Audio: the segment whose sound"):
        assert out.count(line) == 1


def test_json_has_every_choice(atlas: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "audio", "--atlas", atlas, "--kind", "real", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (mine,) = [one for one in found if one["rule"] == "audio" and one["quality"] == "mouth_correlation"]
    assert [choice["value"] for choice in mine["choices"]] == [0.3, 0.2]


def test_weights_are_printed_as_a_rule_that_names_whom_it_was_learned_from(
    atlas: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learned = tmp_path / "mine.yaml"
    learned.write_text("learn: {columns: [audio_pairs], target: mouth_correlation, ridge: 1}")
    assert run(["bench", str(learned), "--atlas", atlas, "--untuned", "--weights"]) == 0
    fixed = tmp_path / "fixed.yaml"
    fixed.write_text(capsys.readouterr().out)
    assert "learned_from: [a, b]" in fixed.read_text()
    assert run(["bench", str(fixed), "--atlas", atlas]) == 0
    assert "not judged on a, b" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["nothing.yaml"], "no such rule"),
        (["audio", "audio"], "audio is given twice"),
        (["audio", "--seconds", "10"], "no heads of instag on 10 s"),
        (["audio", "--kind", "synthetic", "--untuned"], "nobody left"),
        (["audio", "--weights"], "give one rule with `learn`"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    given: list[str], said: str, atlas: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", *given, "--atlas", atlas]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_an_atlas_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "audio", "--atlas", str(tmp_path / "no.csv")]) == 2
    assert "no such atlas" in capsys.readouterr().err
    lacking = write(tmp_path / "lacking.csv", people({"a": (0.1,)}), without="voiced_share")
    assert run(["bench", "audio", "--atlas", str(lacking)]) == 2
    assert "no column voiced_share" in capsys.readouterr().err
    wrong = write(tmp_path / "wrong.csv", [head("a", 0, psnr_face="much")])
    assert run(["bench", "audio", "--atlas", str(wrong)]) == 2
    assert "line 2: psnr_face is no number ('much')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"growth": ""}, "growth is no number ('')"),
        ({"seed": ""}, "seed is no whole number ('')"),
        ({"seed": 0.5}, "seed is no whole number ('0.5')"),
        ({"start": "inf"}, "start is no number ('inf')"),
    ],
)
def test_a_key_that_is_no_number_is_one_line(
    given: dict[str, object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "atlas.csv", [head("a", 0) | given])
    assert run(["bench", "audio", "--atlas", str(path)]) == 2
    assert f"line 2: {said}" in capsys.readouterr().err


def test_a_line_that_ends_early_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "atlas.csv", [head("a", 0)])
    path.write_text(path.read_text() + "b,real\n")
    assert run(["bench", "audio", "--atlas", str(path)]) == 2
    assert "line 3: fewer cells than columns" in capsys.readouterr().err


def test_without_a_measured_atlas_the_line_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tfg.cli._ATLAS", str(tmp_path / "measured" / "atlas.csv"))
    assert run(["bench", "audio"]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert all(part in error for part in ("not measured yet", "python -m experiments.atlas`", "--atlas"))


def test_the_notes_say_what_the_numbers_are_not(atlas: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "audio", "--atlas", atlas]) == 0
    out = capsys.readouterr().out
    assert all(part in out for part in ("may leave [0, 1]", "by 20,000 draws"))
    single = "Best by another seed: its values are of single seeds"
    assert single not in out  # no such row is shown
    rows = [
        head("a", k, seed=seed, audio_pairs=k, mouth_correlation=k / 10, **dict.fromkeys(MC, 0.2))
        for k in range(3)
        for seed in (0, 1)
    ]
    assert run(["bench", "audio", "--atlas", str(write(tmp_path / "two.csv", rows))]) == 0
    assert single in capsys.readouterr().out
