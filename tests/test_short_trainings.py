"""A few steps of each backbone and the head live, by C, torch and half precision: what tests/gpu compares with a card, on the CPU."""

from pathlib import Path

import numpy as np
import pytest
from short_trainings import BACKBONES, OF_PERCEPTRONS, check_alike, check_pictures, outcome, spoken
from support import tinycudann_standin

from tfg.engines.mlp import perceptron, tinycudann

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 beside torch 2.13
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_c_and_torch_learn_and_say_the_same(backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {
        engine: outcome(backbone, tmp_path / engine, monkeypatch, device="cpu", engine=engine)
        for engine in ("cpu", "torch")
    }
    check_alike(made["cpu"], made["torch"])
    said = {engine: spoken(one.speaker, 8) for engine, one in made.items()}
    check_pictures(said["cpu"], said["torch"])
    assert said["cpu"].shape == (8, 32, 32, 3)
    assert np.ptp(said["cpu"].astype(int), axis=0).max() > 2  # it moves


@pytest.mark.parametrize("backbone", OF_PERCEPTRONS)
def test_perceptrons_in_half_precision_learn_nearly_the_same(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = outcome(backbone, tmp_path / "whole", monkeypatch, device="cpu", engine="cpu")
    tinycudann_standin.install(monkeypatch)
    monkeypatch.setattr(perceptron, "resolve_perceptron", lambda engine, device, dtype: "tinycudann")
    half = outcome(backbone, tmp_path / "half", monkeypatch, device="cpu", engine="cpu")
    assert tinycudann._network.cache_info().currsize >= 3
    assert half.losses != whole.losses
    check_alike(half, whole)
