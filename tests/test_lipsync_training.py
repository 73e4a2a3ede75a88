"""`python -m experiments.pretrain_lipsync`: it learns which sound belongs to which lips, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.pretrain_lipsync import main
from tfg import learned, pretraining
from tfg import lipsync_training as training
from tfg.features.audio.lipsync_file import ENCODER


def clip_of(seed: int, frames: int = 300) -> training.LipSyncClip:
    """A person whose lips follow the loudness of three bands."""
    draws = np.random.default_rng(seed)
    curve = np.convolve(draws.normal(size=frames + 8), np.ones(5) / 2, mode="valid")[: frames + 4].astype(np.float32)
    bands = np.linspace(0, 3, 80)
    sound = np.stack([np.sin(bands[:, None] + curve[None, row : row + 5]) for row in range(frames)])
    motion = curve[2 : frames + 2, None] * np.ones((1, training.LIP_CHANNELS), np.float32)
    return training.LipSyncClip(sound=np.repeat(sound, 4, axis=2)[:, :, :16].astype(np.float32), motion=motion)


def test_it_finds_the_lips_of_a_person_it_never_saw(tmp_path: Path) -> None:
    torch.manual_seed(0)
    pair = training.Pair()
    before = training.retrieval(pair.eval(), [clip_of(9)])
    training._fit(pair, [[clip_of(0)], [clip_of(1)], [clip_of(2)]], 30, tmp_path / "part", "test")
    after = training.retrieval(pair.eval(), [clip_of(9)])
    assert before < 0.2
    assert after > before + 0.15  # chance: 1 of 25


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    people = [[clip_of(0, 60)], [clip_of(1, 60)]]
    draw = training._batch

    def stops(drawn: object, draws: np.random.Generator, device: str) -> object:
        if draws.bit_generator.seed_seq.entropy[1] == 3:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return draw(drawn, draws, device)  # type: ignore[arg-type]

    def fitted(path: Path) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        pair = training.Pair()
        training._fit(pair, people, 4, path, "test")
        return pair.state_dict()

    whole = fitted(tmp_path / "whole")
    monkeypatch.setattr(training, "_batch", stops)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut")
    monkeypatch.setattr(training, "_batch", draw)
    for name, value in fitted(tmp_path / "cut").items():
        assert torch.equal(value, whole[name]), name


def test_the_file_knows_its_people_and_how_well_it_does_on_those_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "SYNTHETIC_SECONDS", 4)
    path = tmp_path / "few.safetensors"
    assert main(["synthetic:5", "--steps", "2", "--licence", "of the test", "-o", str(path)]) == 0
    sources = learned.read(path, ENCODER).sources
    assert [person["name"] for person in sources["people"]] == [f"synthetic {seed}" for seed in (101, 102, 103, 104)]
    assert list(sources["left_out_retrieval"]["first"]) == ["synthetic 105"]
    assert sources["licence"] == "of the test"
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("data", "message"), [(["synthetic:4"], "give more videos"), (["nowhere.mp4"], "nowhere.mp4")])
def test_what_cannot_be_used_is_one_line(
    data: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(pretraining, "synthetic")  # nothing is rendered before it is said
    assert main([*data, "-o", str(tmp_path / "x.safetensors")]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert main(["synthetic:5", "-o", str(tmp_path / "no" / "x.safetensors")]) == 2
    assert "its folder does not exist" in capsys.readouterr().err
