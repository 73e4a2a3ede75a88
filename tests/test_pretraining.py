"""`python -m experiments.pretrain`: a prior of a few synthetic people, the same bytes twice, and one line for what cannot be used."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig

from experiments.pretrain import main
from tfg import motion_pretraining, parts, pretraining
from tfg.backbones.gaussian.pretrain import UniversalTraining
from tfg.features.lips.regression import Moments
from tfg.prior_file import load_motion, load_prior
from tfg.types import Clip, UniversalMotion

LIPS: dict[tuple[str, str], Any] = {}


@pytest.fixture
def lips_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lip motion is fitted once a clip for all tests of what is made of it; that a second fit is the same has a test."""
    fit = pretraining.lips_of

    def kept(clip: Clip, face: str) -> Any:
        if (clip.identity, face) not in LIPS:
            LIPS[clip.identity, face] = fit(clip, face)
        return LIPS[clip.identity, face]

    monkeypatch.setattr(pretraining, "lips_of", kept)


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


QUICK = {
    "clip.size": 64,
    "trainer.checkpoint_every": 10,
    "pretraining.seconds": 1,
    "pretraining.face": 9,
    "pretraining.face_warm_up": 2,
    "pretraining.mouth": 4,
    "pretraining.mouth_warm_up": 1,
    "backbone.cloud.face": 200,
}


@pytest.mark.usefixtures("lips_once")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # Lightning 2.6 calls what torch 2.13 deprecates
def test_motion_fields_have_the_same_bytes_also_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    settings = [word for key, value in QUICK.items() for word in ("--set", f"{key}={value}")]
    command = ["synthetic:2", "--audio", "logmel", "--motion", "logmel", "--set", "trainer=cpu", *settings, "-o"]
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    assert main([*command, str(whole)]) == 0
    assert list(tmp_path.iterdir()) == [whole]
    step = UniversalTraining.training_step

    def fail_at(self: UniversalTraining, batch: object, batch_idx: int) -> None:
        if int(self.step) == 15:
            raise OSError("power cut")
        step(self, batch, batch_idx)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(UniversalTraining, "training_step", fail_at)
        with pytest.raises(OSError, match="power cut"):
            main([*command, str(cut)])
    assert not cut.exists()
    assert list(tmp_path.glob("cut.safetensors.training/logmel-*/last.ckpt"))
    assert main([*command, str(cut)]) == 0
    assert cut.read_bytes() == whole.read_bytes()
    assert load_motion(whole, "logmel").shape["levels"] == 12
    assert load_prior(whole, "logmel").sources["motion_settings"] == ["trainer=cpu", *settings[1::2]]


def posed(identity: str = "aa", offset: int = 0, frames: int = 3, reader: str = "0") -> motion_pretraining.Posed:
    clip = SimpleNamespace(identity=identity, sound_offset=offset)
    readers = {"face": {"name": "mediapipe", "weights": reader, "workers": 2}}
    features, portrait = SimpleNamespace(clip=clip), SimpleNamespace(frames=range(frames))
    return motion_pretraining.Posed(features=features, portrait=portrait, readers=readers)  # type: ignore[arg-type]


def test_the_name_of_checkpoints_counts_weights_by_checksum_and_the_offset_of_each_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name for name in ("one", "copy", "other")]
    for path, text in zip(files, ("bytes", "bytes", "others"), strict=True):
        path.write_text(text)
    located = parts.weights_checksum
    monkeypatch.setattr(parts, "weights_checksum", lambda weights: weights if weights.isdigit() else located(weights))

    def name(people: list[motion_pretraining.Posed], weights: Path = files[0], *given: str) -> str:
        config = motion_pretraining.settings("lipsync", ["trainer=cpu", *given])
        config.audio.weights = str(weights)
        return motion_pretraining._checkpoints_of(config, people)

    own = name([posed()])
    assert own.startswith("lipsync-")
    assert own == name([posed()], files[1])
    others = [
        name([posed()], files[2]),
        name([posed(offset=2)]),
        name([posed("bb")]),
        name([posed(frames=4)]),
        name([posed(reader="1")]),
        name([posed(), posed()]),
        name([posed()], files[0], "pretraining.contrast=0"),
        name([posed()], files[0], "backbone.engine=torch"),
    ]
    assert len({own, *others}) == 1 + len(others)


def test_lips_and_poses_are_fitted_once_for_all_kinds_of_audio_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    fits: list[str] = []
    driven: dict[str, list[np.ndarray]] = {}

    def counted(module: object, name: str) -> None:
        fit = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **more: (fits.append(name), fit(*given, **more))[1])

    def learn(config: DictConfig, people: list[motion_pretraining.Posed], folder: Path) -> UniversalMotion:
        driven[config.audio.name] = [motion_pretraining._driven(person, config)[1] for person in people]
        return UniversalMotion(shape={}, tensors={})

    counted(pretraining, "fit_cameras")
    counted(motion_pretraining, "portrait_alone")
    monkeypatch.setattr(motion_pretraining, "_train", learn)
    settings = ["--set", "trainer=cpu", *(word for key in QUICK for word in ("--set", f"{key}={QUICK[key]}"))]

    def maps(audio: str) -> dict[str, np.ndarray]:
        out = tmp_path / f"{audio}.safetensors"
        assert main(["synthetic:2", "--audio", audio, "--motion", audio, *settings, "-o", str(out)]) == 0
        return {name: load_prior(out, name).weights for name in audio.split(",")}

    together = maps("logmel,lipsync")
    assert sorted(fits) == ["fit_cameras"] * 2 + ["portrait_alone"] * 2
    before = dict(driven)
    for name in ("logmel", "lipsync"):
        np.testing.assert_array_equal(maps(name)[name], together[name])
        for one, other in zip(driven[name], before[name], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["synthetic:0"], "synthetic:0: give the number of people, such as synthetic:8"),
        (["synthetic:many"], "synthetic:many: give the number of people"),
        (["nowhere.mp4"], "nowhere.mp4"),
        (["{empty}"], "holds no video"),
        (["synthetic:1"], "1 person: a prior is learned from two people or more; give more videos"),
        (["synthetic:2", "nowhere.mp4"], "nowhere.mp4"),
        (["synthetic:2", "{empty}"], "holds no video"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    data: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(pretraining, "synthetic")  # nothing is rendered before it is said
    (tmp_path / "empty").mkdir()
    given = [text.format(empty=tmp_path / "empty") for text in data]
    assert main([*given, "-o", str(tmp_path / "p.safetensors")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert message in said[-1]
    assert main(["synthetic:2", "--motion", "logmel", "--set", "pretraining.face=x", "-o", str(tmp_path / "p")]) == 2
    assert "pretraining.face=x: must be a number" in capsys.readouterr().err
    assert main(["synthetic:2", "-o", str(tmp_path / "no" / "p.safetensors")]) == 2
    assert "its folder does not exist" in capsys.readouterr().err


def test_synthetic_people_have_no_face_in_their_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    monkeypatch.setattr(pretraining.assets, "usable", lambda known: Path("network"))  # it is not opened
    faces = pretraining.faces_of(pretraining.people_of(["synthetic:3"], None, 1, ""))
    assert faces is not None
    assert faces.shape == (3, 128)
    assert np.isnan(faces).all()  # they are alike to the network: identified by their seeds


@pytest.mark.usefixtures("lips_once")
def test_nobody_is_in_the_prior_that_is_made_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 8)
    pretraining.leave_one_out(["synthetic:3"], "logmel", tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == [f"synthetic {seed}" for seed in (101, 102, 103)]
    pairs = [
        pretraining.sound_and_motion(pretraining.lips_of(pretraining.synthetic(seed), "sidecar"), "logmel")
        for seed in (101, 103)
    ]
    prior = load_prior(tmp_path / "synthetic 102.safetensors", "logmel")
    assert [person["name"] for person in prior.people] == ["synthetic 101", "synthetic 103"]
    expected = (Moments.of(pairs[:1]) + Moments.of(pairs[1:])).prior(pretraining.RIDGE)
    np.testing.assert_allclose(prior.weights, expected, atol=2e-3)  # float16


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
