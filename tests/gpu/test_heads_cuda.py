"""Heads on a CUDA device: a few training steps of each backbone, and the head live, are those of the CPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from short_trainings import BACKBONES, Outcome, check_alike, check_pictures, outcome, spoken

MISSING = [name for name in ("gsplat", "triton") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 beside torch 2.13
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
]
tiny_cuda_nn = pytest.mark.skipif(
    importlib.util.find_spec("tinycudann") is None, reason="tiny-cuda-nn is not installed"
)


@pytest.fixture(params=BACKBONES)
def backbone(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def by_c(backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    return outcome(backbone, tmp_path / "cpu", monkeypatch, device="cpu", engine="cpu")


def test_a_card_learns_and_says_what_the_cpu_does(
    backbone: str, by_c: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_card = outcome(backbone, tmp_path / "cuda", monkeypatch, device="cuda", engine="cuda")
    check_alike(on_card, by_c)
    check_pictures(spoken(on_card.speaker, 8), spoken(by_c.speaker, 8))


@tiny_cuda_nn
def test_half_precision_perceptrons_learn_nearly_the_same(
    backbone: str, by_c: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_alike(outcome(backbone, tmp_path / "tiny", monkeypatch, device="cuda", engine="tinycudann"), by_c)
