"""Whisper's encoder against CTranslate2's numbers, and its vectors in step with the video frames."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from support.parts import part

from tfg.clip.read import read_clip
from tfg.clip.synthetic.speech import make_spoken_track
from tfg.features.audio.whisper_encoder import encoder_shapes, load_whisper, pass_starts, whisper_mel
from tfg.types import InputError

ASSETS = Path(os.environ.get("TFG_ASSETS", ""))
WEIGHTS = ASSETS / "weights" / "whisper_tiny_en_encoder_fp16.npz"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason="TFG_ASSETS is unset or holds no Whisper weights")


def noise(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(round(16_000 * seconds))).astype(np.float32)


def test_log_mel_has_a_row_each_ten_milliseconds_and_whispers_range() -> None:
    mel = whisper_mel(noise(2))
    assert tuple(mel.shape) == (80, 200)
    assert float(mel.max() - mel.min()) <= 2  # 8 decades / 4
    tone = np.sin(2 * np.pi * 1_000 * np.arange(32_000) / 16_000).astype(np.float32)
    peak = whisper_mel(tone)[:, 100]
    # band 25 of 80 holds 1 kHz: 80 bands to 8 kHz are 45.2 mels wide in all, 1 kHz is mel 15, 15 / (45.2 / 81) - 1 = 25.9
    assert int(peak.argmax()) in (25, 26)


def test_passes_leave_no_gap() -> None:
    assert pass_starts(100) == [0]
    assert pass_starts(1500) == [0]
    assert pass_starts(1501) == [0, 1300]
    assert pass_starts(11_848) == [1300 * k for k in range(9)]  # the GRID clip: the last pass ends at 11,900


def test_layer_out_of_range_and_missing_weights_name_their_keys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"audio\.layer must lie in \[1, 4\], not 5"):
        part("audio/whisper", layer=5)
    with pytest.raises(InputError, match="is not a file; give one, or a name of"):
        part("audio/whisper", weights=str(tmp_path / "none.npz")).extract(noise(1))


def test_wrong_weights_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_text("nonsense")
    with pytest.raises(InputError, match="is not a readable npz"):
        load_whisper(path, 4, 384)
    np.savez(path, **{"encoder/conv1/weight": np.zeros((384, 80, 5), np.float16)})
    with pytest.raises(InputError, match=r"conv1/weight has shape \(384, 80, 5\), expected \(384, 80, 3\)"):
        load_whisper(path, 4, 384)


def small_weights(path: Path, layers: int, width: int) -> dict[str, np.ndarray]:
    """Random weights of a small encoder in the file's naming."""
    rng = np.random.default_rng(0)
    arrays = {name: 0.2 * rng.standard_normal(shape) for name, shape in encoder_shapes(layers, width).items()}
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return arrays


def test_encoder_equals_torchs_own_transformer_layers(tmp_path: Path) -> None:
    layers, width = 2, 128
    arrays = small_weights(tmp_path / "a.npz", layers, width)
    mel = torch.from_numpy(np.random.default_rng(1).standard_normal((2, 80, 60)).astype(np.float32))

    def get(name: str) -> torch.Tensor:
        return torch.from_numpy(arrays[f"encoder/{name}"])

    gelu = torch.nn.functional.gelu
    x = gelu(torch.nn.functional.conv1d(mel, get("conv1/weight"), get("conv1/bias"), padding=1))
    x = gelu(torch.nn.functional.conv1d(x, get("conv2/weight"), get("conv2/bias"), stride=2, padding=1))
    x = x.transpose(1, 2) + get("position_encodings/encodings")[:30]
    for number in range(layers):
        layer = torch.nn.TransformerEncoderLayer(width, 2, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        names = {
            "self_attn.in_proj": "self_attention/linear_0",
            "self_attn.out_proj.": "self_attention/linear_1",
            "linear1.": "ffn/linear_0",
            "linear2.": "ffn/linear_1",
        }
        state = {}
        for ours, theirs in names.items():
            joint = "" if ours.endswith(".") else "_"
            state[f"{ours}{joint}weight"] = get(f"layer_{number}/{theirs}/weight")
            state[f"{ours}{joint}bias"] = get(f"layer_{number}/{theirs}/bias")
        for norm, name in (("norm1", "self_attention"), ("norm2", "ffn")):
            state[f"{norm}.weight"] = get(f"layer_{number}/{name}/layer_norm/gamma")
            state[f"{norm}.bias"] = get(f"layer_{number}/{name}/layer_norm/beta")
        layer.load_state_dict(state)
        x = layer(x)
    x = torch.nn.functional.layer_norm(x, (width,), get("layer_norm/gamma"), get("layer_norm/beta"))
    torch.testing.assert_close(load_whisper(tmp_path / "a.npz", layers, width)(mel, layers), x, atol=1e-4, rtol=1e-4)


def test_a_long_track_gives_one_vector_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfg.features.audio.whisper.NUM_LAYERS", 1)
    monkeypatch.setattr("tfg.features.audio.whisper.WIDTH", 64)
    small_weights(tmp_path / "a.npz", 1, 64)
    whisper = part("audio/whisper", weights=str(tmp_path / "a.npz"), layer=1)
    assert whisper.channels == 64
    for seconds, frames in ((0.5, 12), (30, 750), (31, 775), (60, 1500)):
        features = whisper.extract(noise(seconds))
        assert features.shape == (frames, 64)
        assert np.isfinite(features).all()


@pytest.mark.real
@needs_weights
def test_encoder_equals_ctranslate2() -> None:
    row, band = np.arange(3000)[None], np.arange(80)[:, None]
    mel = 0.5 + 0.4 * np.sin(0.002 * row * (band + 1) / 8) + 0.2 * np.cos(0.3 * band + 0.01 * row)
    out = load_whisper(WEIGHTS, 4, 384)(torch.from_numpy(mel.astype(np.float32))[None], 4)[0]
    # printed by ctranslate2 4.8.5 (float32) from the same weights and spectrogram
    expected = {
        0: [-0.6632, -0.3478, 1.1962, -0.6105],
        700: [0.4036, 0.1102, -0.1915, -0.6360],
        1499: [-0.2015, 0.1982, -0.3069, 0.4328],
    }
    for position, numbers in expected.items():
        np.testing.assert_allclose(out[position, :4].numpy(), numbers, atol=2e-4)


@pytest.mark.real
@needs_weights
def test_speech_onset_changes_the_vectors_of_its_own_frame() -> None:
    audio = np.zeros(48_000, np.float32)
    audio[640 * 40 :] = noise(3)[: 48_000 - 640 * 40]
    features = part("audio/whisper", weights=str(WEIGHTS), layer=1).extract(audio)
    assert features.shape == (75, 384)
    steps = np.linalg.norm(np.diff(features, axis=0), axis=1)
    assert abs(int(steps.argmax()) + 1 - 40) <= 1


@pytest.mark.real
@needs_weights
@pytest.mark.parametrize(("layer", "most"), [(1, 0.35), (2, 0.65)])
def test_passes_meet_without_a_jump(layer: int, most: float) -> None:
    audio = read_clip(ASSETS / "video" / "grid_s1_79clips_237s.mp4").audio()[: 640 * 1000]  # 40 s: two passes
    whisper = part("audio/whisper", weights=str(WEIGHTS), layer=layer)
    whole = whisper.extract(audio)
    assert whole.shape == (1000, 384)
    seam = 700  # position 1400: the first pass ends, the second goes on
    later = whisper.extract(audio[640 * 400 :])[seam - 400 - 25 : seam - 400 + 25]
    difference = np.linalg.norm(later - whole[seam - 25 : seam + 25], axis=1)
    spread = np.linalg.norm(whole - whole.mean(axis=0), axis=1).mean()
    assert (
        difference.mean() < most * spread
    )  # same sound at another position of a pass; 1.2 before silence is subtracted
    steps = np.linalg.norm(np.diff(whole, axis=0), axis=1)
    assert steps[seam - 1] < np.percentile(steps, 99)


@needs_weights
def test_the_blocks_of_a_known_sound_are_its_rows() -> None:
    extractor, audio = part("audio/whisper", weights=str(WEIGHTS), layer=1), noise(31)
    blocks = list(extractor.blocks(audio))
    assert [len(block) for block in blocks] == [700, 75]
    assert (
        np.abs(np.concatenate(blocks) - extractor.extract(audio)).max() < 1e-4
    )  # of about 1: passes are batched otherwise


@needs_weights
def test_rows_of_a_sound_still_being_spoken_follow_those_of_the_whole_sound() -> None:
    """Not equal: the encoder of `extract` reads what comes later too."""
    extractor = part("audio/whisper", weights=str(WEIGHTS), layer=2)
    audio = make_spoken_track(5, 150).audio
    whole, stream = extractor.extract(audio), extractor.stream()
    rows = np.concatenate(
        [row for start in range(0, len(audio), 640) for row in stream.push(audio[start : start + 640])]
    )
    assert 150 - stream.ahead - stream.least < len(rows) <= 150 - stream.ahead
    wanted = whole[: len(rows)]
    assert ((rows - wanted) ** 2).mean() < 0.6 * wanted.var(axis=0).mean()  # 0.63 squared is 0.4 on 20 s
    assert np.median([np.corrcoef(rows[:, k], wanted[:, k])[0, 1] for k in range(384)]) > 0.75


@needs_weights
def test_silence_is_nothing_to_a_stream() -> None:
    stream = part("audio/whisper", weights=str(WEIGHTS), layer=2).stream()
    for rows in stream.push(np.zeros(40 * 640, np.float32)):
        assert np.abs(rows).max() < 1e-6
