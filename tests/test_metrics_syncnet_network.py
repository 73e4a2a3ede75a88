"""SyncNet's two towers: keys, shapes, sizes on the way, and what is refused as weights."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from tfg.metrics.syncnet import SyncNet
from tfg.types import InputError

CONVOLUTIONS = {
    "netcnnaud.0": (64, 1, 3, 3),
    "netcnnaud.4": (192, 64, 3, 3),
    "netcnnaud.8": (384, 192, 3, 3),
    "netcnnaud.11": (256, 384, 3, 3),
    "netcnnaud.14": (256, 256, 3, 3),
    "netcnnaud.18": (512, 256, 5, 4),
    "netcnnlip.0": (96, 3, 5, 7, 7),
    "netcnnlip.4": (256, 96, 1, 5, 5),
    "netcnnlip.8": (256, 256, 1, 3, 3),
    "netcnnlip.11": (256, 256, 1, 3, 3),
    "netcnnlip.14": (256, 256, 1, 3, 3),
    "netcnnlip.18": (512, 256, 1, 6, 6),
    "netfcaud.0": (512, 512),
    "netfcaud.3": (1024, 512),
    "netfclip.0": (512, 512),
    "netfclip.3": (1024, 512),
}
NO_NORM = ("netfcaud.3", "netfclip.3")  # every other layer is followed by batch normalisation


@pytest.fixture(scope="module")
def official() -> dict[str, torch.Tensor]:
    """Random numbers in the layout of syncnet_v2.model, written from its description and not from our class."""
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in CONVOLUTIONS.items():
        fan = int(np.prod(shape[1:]))
        state[f"{name}.weight"] = torch.randn(shape, generator=random) * (2 / fan) ** 0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=random) * 0.1
        if name not in NO_NORM:
            tower, number = name.split(".")
            norm = f"{tower}.{int(number) + 1}"
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"{norm}.{part}"] = 0.5 + torch.rand(shape[0], generator=random)
    return state


def saved(state: object, folder: Path, **options: bool) -> Path:
    path = folder / "syncnet_v2.model"
    torch.save(state, path, **options)
    return path


@pytest.fixture(scope="module")
def network(official, tmp_path_factory) -> SyncNet:
    return SyncNet.load(saved(official, tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), np.uint8)


def test_keys_and_shapes_are_those_of_the_official_file(official) -> None:
    own = {key: tuple(value.shape) for key, value in SyncNet().state_dict().items()}
    counters = {key for key in own if key.endswith("num_batches_tracked")}
    assert {key: own[key] for key in own.keys() - counters} == {k: tuple(v.shape) for k, v in official.items()}
    assert len(counters) == 14


def sizes(tower: torch.nn.Sequential, given: torch.Tensor) -> list[tuple[int, ...]]:
    """Height and width after every layer that changes them."""
    found = [tuple(given.shape[-2:])]
    with torch.no_grad():
        for layer in tower:
            given = layer(given)
            if tuple(given.shape[-2:]) != found[-1]:
                found.append(tuple(given.shape[-2:]))
    return found


def test_pictures_shrink_as_in_the_official_network(network: SyncNet) -> None:
    given = torch.zeros(1, 3, 5, 224, 224)
    assert sizes(network.netcnnlip, given) == [(s, s) for s in (224, 109, 54, 26, 13, 6, 1)]
    assert network.netcnnlip(given).shape == (1, 512, 1, 1, 1)


def test_sound_shrinks_as_in_the_official_network(network: SyncNet) -> None:
    given = torch.zeros(1, 1, 13, 20)
    assert sizes(network.netcnnaud, given) == [(13, 20), (11, 9), (5, 4), (1, 1)]
    assert network.netcnnaud(given).shape == (1, 512, 1, 1)


def test_an_embedding_does_not_depend_on_the_windows_beside_it(network: SyncNet, crops: np.ndarray) -> None:
    together = network.lips(crops)
    assert together.shape == (4, 1024)
    alone = np.concatenate([network.lips(crops[i : i + 5]) for i in range(4)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-5 * np.abs(together).max())  # float32 sums
    assert np.abs(together[0] - together[1]).max() > 100 * 1e-5 * np.abs(together).max()
    heard = np.random.default_rng(0).normal(size=(5, 13, 20)).astype(np.float32) * 10
    together = network.sound(heard)
    assert together.shape == (5, 1024)
    alone = np.concatenate([network.sound(heard[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-5 * np.abs(together).max())


def test_a_window_is_five_whole_pictures_in_the_range_0_to_255(network: SyncNet, official, crops: np.ndarray) -> None:
    """Against the first layers written out with torch's functions, on the tensor [1, 3, 5, 224, 224] of the description."""
    stack = torch.from_numpy(crops[:5].transpose(3, 0, 1, 2)[None].astype(np.float32))
    asked = []
    handle = network.netcnnlip[2].register_forward_hook(lambda layer, given, out: asked.append(out.clone()))
    network.lips(crops[:5])
    handle.remove()
    made = torch.nn.functional.conv3d(
        stack, official["netcnnlip.0.weight"], official["netcnnlip.0.bias"], stride=(1, 2, 2)
    )
    norm = {part: official[f"netcnnlip.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")}
    expected = torch.relu(torch.nn.functional.batch_norm(made, *norm.values()))
    torch.testing.assert_close(asked[0], expected)


def test_weights_load_with_the_prefix_of_data_parallel_with_counters_and_in_the_old_format(official, tmp_path, crops):
    expected = SyncNet.load(saved(official, tmp_path)).lips(crops[:5])
    prefixed = {f"module.{key}": value for key, value in official.items()}
    prefixed["module.netcnnaud.1.num_batches_tracked"] = torch.tensor(7)
    path = saved(prefixed, tmp_path, _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(SyncNet.load(path).lips(crops[:5]), expected)


def test_loading_draws_no_random_numbers_and_leaves_nothing_to_train(official, tmp_path) -> None:
    path = saved(official, tmp_path)
    before = torch.get_rng_state()
    network = SyncNet.load(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


class Attack:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def broken(official: dict[str, torch.Tensor]) -> dict[str, object]:
    def without(*keys: str) -> dict[str, torch.Tensor]:
        return {key: value for key, value in official.items() if key not in keys}

    return {
        "no tensor netcnnlip.4.bias": without("netcnnlip.4.bias", "netcnnlip.8.bias"),
        "netcnnaud.18.weight is (512, 256, 4, 5), not (512, 256, 5, 4)": official
        | {"netcnnaud.18.weight": torch.zeros(512, 256, 4, 5)},
        "netfcaud.1.running_var holds infinite or undefined": official
        | {"netfcaud.1.running_var": torch.full((512,), torch.nan)},
        "unknown key netface.0.weight": official | {"netface.0.weight": torch.zeros(1)},
        "no tensor netfcaud.0.bias": official | {"netfcaud.0.bias": 3.0},
        "no dictionary of tensors": [torch.zeros(3)],
        "UnpicklingError": {"state": Attack()},
    }


@pytest.mark.parametrize("reason", broken({}).keys())
def test_wrong_weights_are_refused_in_one_line_that_names_file_and_key(official, tmp_path, monkeypatch, reason) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(broken(official)[reason], tmp_path)
    with pytest.raises(InputError) as refused:
        SyncNet.load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: not SyncNet weights")
    assert reason in message
    assert "\n" not in message
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"hello", pickle.dumps({"a": 1}), pickle.dumps(Attack())])
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path, monkeypatch, content) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "syncnet_v2.model"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not SyncNet weights") as refused:
        SyncNet.load(path)
    assert "\n" not in str(refused.value)
    assert not Path("ran").exists()


def test_a_cut_file_and_a_missing_one_are_refused(official, tmp_path) -> None:
    path = saved(official, tmp_path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(InputError, match="not SyncNet weights"):
        SyncNet.load(path)
    with pytest.raises(InputError, match="no such file"):
        SyncNet.load(tmp_path / "nothing")
