"""audio=lipsync: its windows are AVE's, its file is checked, and a clip that it was learned from is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from support.parts import part

from tfg import clip_checks, learned, overrides
from tfg.features.audio.lipsync import FILE
from tfg.features.audio.lipsync_encoder import build_lipsync, load_encoder, save_encoder
from tfg.features.audio.lipsync_file import ENCODER
from tfg.types import InputError

SOURCES = {"people": [{"name": "one", "clips": ["embedded-0", "aa"], "frames": 10}], "licence": "of the test"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("lipsync") / "own.safetensors"
    save_encoder(path, build_lipsync(), SOURCES)
    return path


def noise(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def test_a_frame_is_128_numbers_of_its_200_ms(weights: Path) -> None:
    extractor = part("audio/lipsync", weights=str(weights))
    quiet = np.zeros(32_000, np.float32)
    loud = quiet.copy()
    loud[640 * 20 : 640 * 21] = noise(640)
    silent, noisy = extractor.extract(quiet), extractor.extract(loud)
    assert silent.shape == (50, extractor.channels) == (50, 128)
    assert (noisy >= 0).all()
    changed = set(np.flatnonzero(np.abs(noisy - silent).max(axis=1) > 1e-6).tolist())
    assert {18, 19, 20, 21, 22} <= changed <= set(range(17, 24))
    with pytest.raises(InputError, match=r"too few for audio=lipsync; it needs 0\.2 s"):
        extractor.extract(noise(1_600))


def test_a_file_gives_back_its_weights_in_half_precision_and_the_same_bytes(weights: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_lipsync()
    for name, value in load_encoder(weights).state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[name].half().to(value.dtype), msg=name)
    save_encoder(tmp_path / "again", network, SOURCES)
    assert (tmp_path / "again").read_bytes() == weights.read_bytes()


def test_what_is_no_encoder_is_one_line(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="is damaged"):
        load_encoder(path)
    path.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged"):
        learned.read(path, ENCODER)
    save_file(load_file(weights), path)
    with pytest.raises(InputError, match="is no encoder of this version of tfg"):
        load_encoder(path)
    with pytest.raises(InputError, match="no such file; give lipsync, or a file of"):
        part("audio/lipsync", weights=str(tmp_path / "none.safetensors")).extract(noise(16_000))


@pytest.mark.parametrize("axis", ["audio", "selector_audio"])
def test_a_clip_that_it_was_learned_from_is_refused_unless_allowed(axis: str, weights: Path) -> None:
    given = [f"{axis}=lipsync", f"{axis}.weights={weights}"]
    config = overrides.composed(given)
    known, other = (SimpleNamespace(path="a.mp4", identity=identity) for identity in ("aa", "bb"))
    clip_checks.check_unseen(config, other)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=rf"learned from this clip \(as one\).*set {axis}.allow_seen=true"):
        clip_checks.check_unseen(config, known)  # type: ignore[arg-type]
    clip_checks.check_unseen(overrides.composed([*given, f"{axis}.allow_seen=true"]), known)  # type: ignore[arg-type]


def test_the_shipped_file_is_small_and_learned_from_what_may_be_shipped() -> None:
    assert FILE.stat().st_size < 1_500_000
    sources = learned.read(FILE, ENCODER).sources
    assert "GRID: CC BY 4.0" in sources["licence"]
    assert all(person["name"].startswith(("synthetic ", "GRID ")) for person in sources["people"])
    load_encoder(FILE)
