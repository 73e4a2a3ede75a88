"""`python -m experiments.pretrain`: a prior of a few synthetic people, the same bytes twice, and one line for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.pretrain import main
from tfg import pretraining
from tfg.features.lips.prior import load_prior


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prior") / "few.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
        assert main(["synthetic:3", "--audio", "logmel", "--licence", "of the test", "-o", str(path)]) == 0
    return path


def test_it_knows_its_people_and_how_well_it_does_on_those_left_out(made: Path) -> None:
    prior = load_prior(made, "logmel")
    assert [person["name"] for person in prior.people] == ["synthetic 101", "synthetic 102", "synthetic 103"]
    assert all(person["clips"][0].startswith("embedded-") for person in prior.people)
    assert prior.sources["licence"] == "of the test"
    scores = prior.sources["left_out_r"]["logmel"]
    assert len(scores) == 3
    assert np.mean(scores) > 0.3  # one generator makes all of them


def test_the_same_people_give_the_same_bytes(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    again = tmp_path / "again.safetensors"
    assert main(["synthetic:3", "--audio", "logmel", "--licence", "of the test", "-o", str(again)]) == 0
    assert again.read_bytes() == made.read_bytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["synthetic:0"], "synthetic:0: give the number of people, such as synthetic:8"),
        (["synthetic:many"], "synthetic:many: give the number of people"),
        (["nowhere.mp4"], "nowhere.mp4"),
        (["{empty}"], "holds no video"),
        (["synthetic:1"], "a prior is learned from two people or more"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    data: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    (tmp_path / "empty").mkdir()
    given = [text.format(empty=tmp_path / "empty") for text in data]
    assert main([*given, "-o", str(tmp_path / "p.safetensors")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert message in said[-1]
    assert main(["synthetic:2", "-o", str(tmp_path / "no" / "p.safetensors")]) == 2
    assert "its folder does not exist" in capsys.readouterr().err
