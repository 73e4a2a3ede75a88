"""AVE: key and shape table, strict loading, windows, with random weights of exactly the official shapes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.parts import part

from tfg.features.audio.ave import window_starts
from tfg.features.audio.ave_encoder import build_ave, load_ave
from tfg.types import InputError


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("ave") / "audio_visual_encoder.pth"
    torch.save(build_ave().state_dict(), path)
    return path


def noise(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def test_state_has_the_91_keys_and_shapes_of_the_table() -> None:
    state = build_ave().state_dict()
    assert len(state) == 91
    shapes = [tuple(state[f"{i}.conv_block.0.weight"].shape) for i in range(13)]
    assert shapes == [
        (32, 1, 3, 3),
        (32, 32, 3, 3),
        (32, 32, 3, 3),
        (64, 32, 3, 3),
        (64, 64, 3, 3),
        (64, 64, 3, 3),
        (128, 64, 3, 3),
        (128, 128, 3, 3),
        (128, 128, 3, 3),
        (256, 128, 3, 3),
        (256, 256, 3, 3),
        (512, 256, 3, 3),
        (512, 512, 1, 1),
    ]
    parts = {name.split(".", 1)[1] for name in state}
    batch_norm = {f"conv_block.1.{p}" for p in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert parts == {"conv_block.0.weight", "conv_block.0.bias"} | batch_norm


def test_blocks_have_the_outputs_of_the_table() -> None:
    x = torch.zeros(1, 1, 80, 16)
    shapes = []
    for block in build_ave():
        x = block(x)
        shapes.append(tuple(x.shape[1:]))
    expected = [(32, 80, 16)] * 3 + [(64, 27, 16)] * 3 + [(128, 9, 6)] * 3 + [(256, 3, 3)] * 2 + [(512, 1, 1)] * 2
    assert shapes == expected


def test_401_rows_give_122_windows_and_126_vectors() -> None:
    starts = window_starts(401)
    assert len(starts) == 122
    assert starts[:6] == [0, 3, 6, 9, 12, 16]  # int(3.2 j)
    assert starts[-1] == 385  # int(3.2 * 121) = 387, clamped to 401 - 16
    assert all(len(window_starts(int(3.2 * n) + 1)) + 4 >= n for n in range(5, 500))  # enough for every frame


def test_first_vectors_are_copies_and_one_is_given_a_frame(weights: Path) -> None:
    features = part("audio/ave", weights=str(weights)).extract(noise(80_000))
    assert features.shape == (125, 512)
    assert (features >= 0).all()
    np.testing.assert_array_equal(features[0], features[2])  # two copies of the first window
    assert not np.array_equal(features[2], features[3])


def test_frame_i_hears_frames_i_minus_2_to_i_plus_2(weights: Path) -> None:
    quiet = np.zeros(32_000, np.float32)
    loud = quiet.copy()
    loud[640 * 20 : 640 * 21] = noise(640)
    ave = part("audio/ave", weights=str(weights))
    changed = np.abs(ave.extract(loud) - ave.extract(quiet)).max(axis=1) > 1e-6
    # mel rows reach 25 ms beyond the window, so one frame more may notice on each side
    assert {18, 19, 20, 21, 22} <= set(np.flatnonzero(changed).tolist()) <= set(range(17, 24))


def test_wav2lip_checkpoint_gives_the_same_encoder(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    wrapped = {f"module.audio_encoder.{name}": value for name, value in state.items()}
    wrapped["module.face_encoder_blocks.0.weight"] = torch.zeros(1)
    torch.save({"state_dict": wrapped, "global_step": 3}, tmp_path / "wav2lip.pth")
    torch.testing.assert_close(load_ave(tmp_path / "wav2lip.pth").state_dict(), build_from(state).state_dict())


def build_from(state: dict[str, torch.Tensor]) -> torch.nn.Sequential:
    encoder = build_ave()
    encoder.load_state_dict(state)
    return encoder


def test_missing_wrong_and_strange_keys_are_refused(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    path = tmp_path / "a.pth"
    torch.save({name: value for name, value in state.items() if name != "4.conv_block.1.running_var"}, path)
    with pytest.raises(InputError, match=r"4\.conv_block\.1\.running_var has shape None"):
        load_ave(path)
    torch.save(state | {"0.conv_block.0.weight": torch.zeros(32, 1, 5, 5)}, path)
    with pytest.raises(InputError, match=r"expected \(32, 1, 3, 3\)"):
        load_ave(path)
    torch.save(state | {"13.conv_block.0.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="unknown keys such as '13"):
        load_ave(path)


def test_files_that_are_no_weights_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("no weights")
    with pytest.raises(InputError, match="is no file of plain torch weights") as caught:
        load_ave(tmp_path / "a.pth")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is not a file; give one, or a name of"):
        part("audio/ave", weights=str(tmp_path / "none.pth")).extract(noise(16_000))


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"0.conv_block.0.weight": Path("anything")}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="is no file of plain torch weights"):
        load_ave(tmp_path / "a.pth")


def test_a_tenth_of_a_second_is_too_short(weights: Path) -> None:
    with pytest.raises(InputError, match=r"needs 0\.2 s"):
        part("audio/ave", weights=str(weights)).extract(noise(1_600))
