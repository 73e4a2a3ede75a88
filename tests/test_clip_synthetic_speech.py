"""Facts of the embedded clip's voice: repeatable, timed, and visible on the lips."""

import numpy as np
import pytest

from tfg.clip.synthetic.espeak import Voice, speak
from tfg.clip.synthetic.sentences import SENTENCES
from tfg.clip.synthetic.speech import MOUTH_PARAMETERS, VISEMES, SpokenTrack, make_spoken_track, visemes_of

FRAMES = 1000
OPENING = MOUTH_PARAMETERS.index("opening")


@pytest.fixture(scope="module")
def speech() -> SpokenTrack:
    return make_spoken_track(0, FRAMES)


def test_espeak_says_the_same_text_with_the_same_samples_and_ascending_phonemes() -> None:
    texts = ["My mother bought some bread.", "Good bye."]
    first, second = speak(texts, Voice()), speak(texts, Voice())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
        assert one.phonemes == other.phonemes
        assert (np.diff(one.starts) >= 0).all()
        assert one.starts[-1] <= len(one.samples) / one.sample_rate + 0.05
    assert [name.strip("',") for name in first[0].phonemes if name.strip("',") in ("m", "b")] == [
        "m",
        "m",
        "b",
        "m",
        "b",
    ]  # my mother bought some bread


def test_every_sound_of_every_sentence_has_a_viseme() -> None:
    names = {name for utterance in speak(SENTENCES, Voice()) for name in utterance.phonemes}
    assert len(names) > 40
    used = {viseme for name in names for viseme in visemes_of(name)}
    assert used == set(VISEMES)


@pytest.mark.parametrize(
    ("phoneme", "expected"),
    [("p", ("PP",)), ("'aI", ("AA", "IH")), ("@2", ("EH",)), ("t#", ("DD",)), ("_:", ("rest",)), (",oU", ("OH", "UW"))],
)
def test_a_phoneme_becomes_the_viseme_of_its_sound(phoneme: str, expected: tuple[str, ...]) -> None:
    assert visemes_of(phoneme) == expected


def test_an_unknown_phoneme_is_named() -> None:
    with pytest.raises(ValueError, match="'Q'"):
        visemes_of("Q")


def test_sound_and_mouth_cover_the_clip(speech: SpokenTrack) -> None:
    assert speech.audio.shape == (FRAMES * 640,)
    assert speech.audio.dtype == np.float32
    assert 0.5 < np.abs(speech.audio).max() <= 1
    assert speech.mouth.shape == (FRAMES, len(MOUTH_PARAMETERS))
    assert speech.mouth[:, OPENING].min() >= 0
    assert speech.mouth[:, OPENING].max() > 0.8
    np.testing.assert_array_equal(speech.phoneme_times[1:, 0], speech.phoneme_times[:-1, 1])
    assert speech.phoneme_times[0, 0] == 0
    assert speech.phoneme_times[-1, 1] == FRAMES / 25


def test_another_seed_says_something_else_and_the_same_seed_the_same(speech: SpokenTrack) -> None:
    again, other = make_spoken_track(0, FRAMES), make_spoken_track(1, FRAMES)
    np.testing.assert_array_equal(again.audio, speech.audio)
    np.testing.assert_array_equal(again.mouth, speech.mouth)
    assert other.phonemes[:30] != speech.phonemes[:30]


def test_lips_close_for_p_b_m_and_open_for_a(speech: SpokenTrack) -> None:
    opening = speech.mouth[:, OPENING]
    closed = opening[speech.visemes == VISEMES.index("PP")]
    wide = opening[speech.visemes == VISEMES.index("AA")]
    assert np.median(closed) < 0.06
    assert np.median(wide) > 0.5
    assert closed.mean() < 0.2 * wide.mean()


def test_lips_round_for_oo_and_spread_for_ee(speech: SpokenTrack) -> None:
    rounding = speech.mouth[:, MOUTH_PARAMETERS.index("rounding")]
    width = speech.mouth[:, MOUTH_PARAMETERS.index("width")]
    oo, ee = speech.visemes == VISEMES.index("UW"), speech.visemes == VISEMES.index("IH")
    assert rounding[oo].mean() > 0.6 > 0.2 > rounding[ee].mean()
    assert width[oo].mean() < -0.3 < 0.3 < width[ee].mean()


def test_pauses_are_silent_and_shut(speech: SpokenTrack) -> None:
    level = np.sqrt((speech.audio.reshape(FRAMES, 640) ** 2).mean(axis=1))
    vowels = np.isin(speech.visemes, [VISEMES.index(name) for name in ("AA", "EH", "OH")])
    pauses = speech.visemes == VISEMES.index("rest")
    assert np.median(level[pauses]) < 0.05 * np.median(level[vowels])
    assert np.median(speech.mouth[pauses, OPENING]) < 0.05


def spectra(audio: np.ndarray) -> np.ndarray:
    """(frames, 4 * 40) log energies in 40 mel-spaced bands, every 10 ms."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(audio, (200, 600)), 400)[::160][: len(audio) // 160]
    power = np.abs(np.fft.rfft(windows * np.hanning(400), 512)) ** 2
    edges = 700 * (10 ** (np.linspace(30, 2840, 42) / 2595) - 1)  # Hz
    hertz = np.fft.rfftfreq(512, 1 / 16000)[:, None]
    rising, falling = (hertz - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - hertz) / np.diff(edges)[1:]
    return np.log(power @ np.clip(np.minimum(rising, falling), 0, None) + 1e-5).reshape(len(audio) // 640, -1)


def test_the_opening_can_be_predicted_from_the_sound_of_100_ms_after_five_seconds_of_training(
    speech: SpokenTrack,
) -> None:
    frames = spectra(speech.audio)
    features = np.concatenate([np.roll(frames, shift, axis=0) for shift in range(-3, 4)], axis=1)
    opening = speech.mouth[:, OPENING]
    found = []
    for start in range(10, 800, 125):
        train = slice(start, start + 125)
        scaled = (features - features[train].mean(axis=0)) / (features[train].std(axis=0) + 0.01)
        kernel = scaled[train] @ scaled[train].T + 1000 * np.eye(125)
        weights = np.linalg.solve(kernel, opening[train] - opening[train].mean())
        found.append(np.corrcoef(scaled[-130:-10] @ scaled[train].T @ weights, opening[-130:-10])[0, 1])
    assert np.mean(found) >= 0.75
    assert min(found) >= 0.6
