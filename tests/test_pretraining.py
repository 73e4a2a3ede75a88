"""`python -m experiments.pretrain`: a prior of a few synthetic people, the same bytes twice, and one line for what cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.pretrain import main
from tfg import pretraining
from tfg.features.lips.prior import load_faces, load_prior


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
    assert [person["identity_seed"] for person in prior.people] == [101, 102, 103]
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


def test_faces_are_added_to_the_prior_of_just_these_people(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    monkeypatch.setattr(
        pretraining.assets, "usable", lambda known: Path("network")
    )  # of synthetic people it is not asked
    path = tmp_path / "few.safetensors"
    path.write_bytes(made.read_bytes())
    given = ["--audio", "logmel", "--faces", "-o", str(path)]
    assert main(["synthetic:3", *given]) == 0
    faces = load_faces(path)
    assert faces is not None
    assert faces.shape == (3, 128)
    assert np.isnan(faces).all()  # they look alike to the network: known by their seeds
    np.testing.assert_array_equal(load_prior(path, "logmel").weights, load_prior(made, "logmel").weights)
    before = path.read_bytes()
    assert main(["synthetic:2", *given]) == 2
    assert "was not learned from these videos in this order" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_two_names_with_one_face_are_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    faces = {"anna": [1.0, 0.0], "ann": [0.96, 0.28], "bert": [0.0, 1.0]}
    monkeypatch.setattr(pretraining, "NUMBERS", 2)
    monkeypatch.setattr(pretraining.assets, "usable", lambda known: Path("network"))
    monkeypatch.setattr(pretraining, "features_of", lambda audio, face, masks, clip: clip)
    monkeypatch.setattr(pretraining, "face_of", lambda clip, weights: np.array(faces[clip], np.float32))
    people = [pretraining.Person(name=name, clips=[name], face="mediapipe") for name in faces]  # type: ignore[list-item]
    found = pretraining.faces_of(people)
    assert found is not None
    np.testing.assert_allclose(found, list(faces.values()), rtol=1e-6)
    assert capsys.readouterr().err == (
        "tfg: anna and ann have one face (cosine 0.96): give one person's clips as NAME=PATH under one name\n"
    )
