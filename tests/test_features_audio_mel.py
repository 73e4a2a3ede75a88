"""Log-mel features against an independent reference, and in step with the video frames."""

import numpy as np
import pytest
from support.parts import part

from tfg.features.audio.mel import ave_mel, mel_bands
from tfg.types import InputError


def slow_bands() -> np.ndarray:
    """80 Slaney triangles, 55 to 7600 Hz, written out one by one."""

    def to_mel(f: float) -> float:
        return f / (200 / 3) if f < 1000 else 15 + np.log(f / 1000) / (np.log(6.4) / 27)

    def to_hertz(m: float) -> float:
        return m * 200 / 3 if m < 15 else 1000 * np.exp((m - 15) * np.log(6.4) / 27)

    low, high = to_mel(55), to_mel(7600)
    edges = [to_hertz(low + (high - low) * k / 81) for k in range(82)]
    bands = np.zeros((80, 401))
    for b in range(80):
        left, middle, right = edges[b : b + 3]
        for k in range(401):
            f = k * 20.0
            weight = min((f - left) / (middle - left), (right - f) / (right - middle))
            bands[b, k] = max(0.0, weight) * 2 / (right - left)
    return bands


def slow_row(audio: np.ndarray, row: int) -> np.ndarray:
    """Row `row` of Wav2Lip's front end in float64, straight from its text."""
    emphasised = audio.astype(np.float64).copy()
    emphasised[1:] -= 0.97 * audio[:-1].astype(np.float64)
    padded = np.concatenate([np.zeros(400), emphasised, np.zeros(400)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 800)
    spectrum = np.abs(np.fft.rfft(padded[200 * row : 200 * row + 800] * window))
    decibel = 20 * np.log10(np.maximum(1e-5, slow_bands() @ spectrum)) - 20
    return np.clip(8 * (decibel + 100) / 100 - 4, -4, 4)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(16_000 * seconds))).astype(np.float32)


def test_mel_equals_the_front_end_of_the_paper() -> None:
    audio = noise(1)
    mel = ave_mel(audio)
    for row in (0, 1, 40, 79, 80):
        np.testing.assert_allclose(mel[row], slow_row(audio, row), atol=2e-4)  # float32 spectra


def test_five_seconds_have_401_mel_rows() -> None:
    assert ave_mel(noise(5)).shape == (401, 80)


def test_long_tracks_are_cut_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = noise(4)
    whole = ave_mel(audio)
    monkeypatch.setattr("tfg.features.audio.mel.ROWS_AT_ONCE", 37)
    np.testing.assert_allclose(ave_mel(audio), whole, atol=1e-5)  # the order of float32 sums


def test_bands_equal_the_written_out_triangles() -> None:
    np.testing.assert_allclose(mel_bands(80, 800, 55.0, 7600.0).numpy(), slow_bands(), atol=1e-7)


def test_logmel_gives_one_vector_a_frame() -> None:
    for samples, frames in ((640, 1), (6_400, 10), (6_639, 10), (80_000, 125)):
        features = part("audio/logmel").extract(noise(samples / 16_000))
        assert features.shape == (frames, 80)
        assert features.dtype == np.float32


def test_a_click_is_loudest_in_its_own_frame() -> None:
    for frame in (0, 7, 12, 24):
        audio = np.zeros(16_000, np.float32)
        audio[640 * frame + 320] = 0.9
        energy = part("audio/logmel").extract(audio).mean(axis=1)
        assert int(energy.argmax()) == frame


def test_a_click_between_frames_is_seen_alike_from_both() -> None:
    audio = np.zeros(16_000, np.float32)
    audio[640 * 10 - 20 : 640 * 10 + 20] = noise(40 / 16_000)
    energy = part("audio/logmel").extract(audio).mean(axis=1) + 4  # 0 in silence
    assert energy[9] > 0
    assert energy[10] > 0
    assert energy[7] == energy[12] == 0  # 50 ms windows: at most one frame away


def test_logmel_rows_of_a_frame_are_those_within_its_forty_milliseconds() -> None:
    audio = noise(1)
    mel = ave_mel(audio)
    features = part("audio/logmel").extract(audio)
    # frame 3 is 120 to 160 ms: rows at 125, 137.5 and 150 ms; frame 0 is 0 to 40 ms: rows at 0, 12.5, 25, 37.5 ms
    np.testing.assert_allclose(features[3], mel[10:13].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(features[0], mel[0:4].mean(axis=0), atol=1e-5)


def test_silence_is_the_floor_and_finite() -> None:
    assert (part("audio/logmel").extract(np.zeros(16_000, np.float32)) == -4).all()


def test_window_out_of_range_names_its_key() -> None:
    with pytest.raises(InputError, match=r"audio\.window_ms must lie in"):
        part("audio/logmel", window_ms=10)
