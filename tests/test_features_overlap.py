"""Features of a sound that comes in pieces are those of the whole sound."""

import numpy as np
import pytest
from support.parts import part

from tfg.features.audio.logmel import LogMel
from tfg.features.context import windows
from tfg.features.overlap import Overlapped, in_blocks


def noise(frames, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(frames * 640)).astype(np.float32)


def streamed(stream, audio, piece):
    rows = [row for start in range(0, len(audio), piece) for row in stream.push(audio[start : start + piece])]
    return np.concatenate(rows + stream.finish())


@pytest.mark.parametrize("window_ms", [20, 40, 400])
@pytest.mark.parametrize("piece", [640, 1000, 6400, 10**6])
def test_log_mel_rows_do_not_depend_on_the_pieces(window_ms, piece):
    extractor, audio = LogMel(name="logmel", window_ms=window_ms), noise(73.4)
    # sums of up to 4096 rows are taken at different places: float32's rounding of [-4, 4]
    assert np.abs(streamed(extractor.stream(), audio, piece) - extractor.extract(audio)).max() < 1e-5


def test_a_row_comes_as_soon_as_its_look_ahead_is_known_and_no_earlier():
    stream = LogMel(name="logmel", window_ms=40).stream()
    assert stream.ahead == 1
    assert stream.push(noise(1)) == []
    assert [len(rows) for rows in stream.push(noise(3))] == [3]


def test_what_is_kept_does_not_grow():
    stream = LogMel(name="logmel", window_ms=40).stream()
    sizes = []
    for _ in range(40):
        stream.push(noise(25))
        sizes.append(len(stream._kept))
    assert max(sizes[1:]) <= (stream.past + 5 + stream.ahead + 1) * 640


def test_windows_of_rows_do_not_depend_on_the_pieces():
    rows = noise(1)[:200].reshape(100, 2)
    for piece in (1, 7, 100):
        made = streamed(Overlapped(windows, unit=1, past=4, ahead=4, block=9), rows, piece)
        np.testing.assert_array_equal(made, windows(rows))


def test_a_sound_shorter_than_the_look_ahead_is_whole_at_its_end():
    extractor = LogMel(name="logmel", window_ms=40)
    audio = noise(1.5)
    np.testing.assert_allclose(np.concatenate(list(in_blocks(extractor.stream(), audio))), extractor.extract(audio))


def test_rows_of_an_encoder_of_200_ms_do_not_depend_on_the_pieces():
    extractor, audio = part("audio/lipsync"), noise(40.4)
    whole = extractor.extract(audio)
    for piece in (640, 6400):  # the network's batches differ: float32's rounding
        np.testing.assert_allclose(streamed(extractor.stream(), audio, piece), whole, atol=1e-4, rtol=1e-4)
