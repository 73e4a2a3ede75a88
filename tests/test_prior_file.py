"""The file of a prior: read as it was written, and one line for what is damaged or not for this run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfg.features.context import REACH
from tfg.landmarks import LIP_CHANNELS
from tfg.prior_file import PRIOR, SHIPPED, load_motion, load_people, load_prior, prior_path, save_prior
from tfg.types import InputError, UniversalMotion

SOURCES = {"people": [{"name": "a", "clips": ["0" * 64], "frames": 10}], "licence": "none"}


def maps() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"logmel": rng.normal(size=(2 * REACH + 1, 80, LIP_CHANNELS)).astype(np.float32)}


def motion() -> dict[str, UniversalMotion]:
    rng = np.random.default_rng(1)
    tensors = {
        "face/tables": rng.normal(size=(3, 5, 1)).astype(np.float32),
        "mouth/network.0": np.ones((4, 2), np.float32),
    }
    return {"logmel": UniversalMotion(shape={"levels": 12, "audio_hidden": [32], "hook": True}, tensors=tensors)}


def test_a_prior_is_read_as_it_was_written_and_written_with_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    save_prior(one, maps(), SOURCES, motion(), None)
    save_prior(other, maps(), SOURCES, motion(), None)
    assert one.read_bytes() == other.read_bytes()
    found = load_prior(one, "logmel")
    np.testing.assert_allclose(found.weights, maps()["logmel"], atol=5e-3)  # float16
    assert (found.people, None) == load_people(one) == (SOURCES["people"], None)


def test_motion_fields_are_read_as_they_were_written_with_the_settings_they_were_made_with(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    save_prior(path, maps(), SOURCES, motion(), None)
    found = load_motion(path, "logmel")
    assert found.shape == motion()["logmel"].shape
    assert found.tensors.keys() == motion()["logmel"].tensors.keys()
    for name, values in motion()["logmel"].tensors.items():
        np.testing.assert_allclose(found.tensors[name], values, rtol=1e-3)  # float16


def test_a_prior_without_such_motion_fields_says_what_it_is_good_for(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    save_prior(path, maps(), SOURCES, motion(), None)
    with pytest.raises(
        InputError, match=r"no motion fields of audio=whisper layer 2 \(only of logmel\), so .* conditioning=lips"
    ):
        load_motion(path, "whisper-2")
    save_prior(path, maps(), SOURCES, {}, None)
    with pytest.raises(
        InputError, match=r"no motion fields of audio=logmel \(it has none\), so .* conditioning=lips; `python -m"
    ):
        load_motion(path, "logmel")
    save_prior(path, maps(), SOURCES, motion(), None)
    changed = path.read_bytes().replace(b'\\"levels\\": 12', b'\\"levels\\": 13')
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with pytest.raises(InputError, match="its checksum differs"):
        load_motion(path, "logmel")
    broken = motion()["logmel"].tensors | {"face/tables": np.full((3, 5, 1), np.nan, np.float32)}
    save_prior(path, maps(), SOURCES, {"logmel": UniversalMotion(shape={}, tensors=broken)}, None)
    with pytest.raises(InputError, match="its motion fields are not whole"):
        load_motion(path, "logmel")


def test_a_file_that_is_no_prior_for_this_run_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    save_prior(path, maps(), SOURCES, motion(), None)
    with pytest.raises(InputError, match=r"was learned with logmel, not with audio=whisper layer 2"):
        load_prior(path, "whisper-2")
    whole = path.read_bytes()
    flipped = whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:]
    for damaged in (whole[:100], whole[: len(whole) // 2], b"text", b"", flipped):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"p\.safetensors: is damaged \(.*\); install tfg again"):
            load_prior(path, "logmel")
    path.write_bytes(whole.replace(f'layout\\": {PRIOR.layout}'.encode(), b'layout\\": 9'))
    with pytest.raises(InputError, match="is no lip prior of this version"):
        load_prior(path, "logmel")
    save_prior(path, {"logmel": maps()["logmel"][:, :, :7]}, SOURCES, {}, None)
    with pytest.raises(InputError, match="holds no map of 9 frames to 50 numbers"):
        load_prior(path, "logmel")
    with pytest.raises(InputError, match=r"prior\.weights=nowhere: no such file"):
        prior_path("nowhere")


def test_the_prior_that_comes_with_tfg_is_small_and_names_its_people_and_licence() -> None:
    assert SHIPPED.stat().st_size < 3_000_000
    for features, channels in (("whisper-2", 384), ("logmel", 80)):
        prior = load_prior(prior_path("universal"), features)
        assert prior.weights.shape == (2 * REACH + 1, channels, LIP_CHANNELS)
        assert "CC BY 4.0" in prior.sources["licence"]
        names = [person["name"] for person in prior.people]
        assert all(name.startswith(("grid_s1", "synthetic ")) or len(name) == 6 for name in names)  # GRID's sentences
        assert len(names) == 18
