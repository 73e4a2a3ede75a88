"""The offset between sound and picture: what moves the jaw number, what the prior is, what is found and what is never sure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from end_to_end import EMBEDDED, shared_cache
from support.parts import part

from benchmarks.sync_trials import Footage, Stretch, music, silence
from tfg import cli
from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.commands import sync as command
from tfg.features.sync import prior as prior_file
from tfg.features.sync.jaw import SURROUND, changes, jaw_drop
from tfg.features.sync.offset import (
    FEWEST,
    LEAST,
    MAX_OFFSET,
    NO_FACE,
    NO_SPEECH,
    SURE,
    SyncOffset,
    measure_offset,
)
from tfg.features.sync.prior import REACH, Prior, fit_prior, load_prior
from tfg.types import FPS, InputError


@pytest.fixture(scope="module")
def spoken(tmp_path_factory) -> Footage:
    """The embedded clip, whose truth is in sync."""
    path = make_synthetic(EMBEDDED, shared_cache(tmp_path_factory.getbasetemp()) / "clips")
    clip = read_clip(path)
    landmarks = part("face/sidecar").extract(clip, 0, clip.num_frames).landmarks
    return Footage(name="embedded", person="embedded", audio=clip.audio(), landmarks=landmarks)


def measured(audio, landmarks) -> SyncOffset:
    return measure_offset(part("audio/logmel").extract(audio), landmarks, load_prior("logmel"))


def test_jaw_drop_is_the_same_wherever_and_however_large_the_face_is(spoken: Footage) -> None:
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    drop, known = jaw_drop(spoken.landmarks)
    moved, _ = jaw_drop(3 * spoken.landmarks @ turn + 40)
    assert known.all()
    np.testing.assert_allclose(moved, drop, rtol=1e-4)


def test_frames_without_a_face_are_bridged_and_counted(spoken: Footage) -> None:
    holed = spoken.landmarks.copy()
    holed[100:103] = np.nan
    drop, known = jaw_drop(holed)
    assert np.flatnonzero(~known).tolist() == [100, 101, 102]
    assert np.isfinite(drop).all()
    assert measured(spoken.audio, holed).frames == len(holed) - 3


def test_changes_leave_nothing_of_what_stays() -> None:
    ramp = np.arange(60.0)[:, None]
    np.testing.assert_allclose(changes(ramp + 7)[SURROUND:-SURROUND], 0, atol=1e-12)


def test_a_prior_is_fitted_back_from_what_it_made() -> None:
    rng = np.random.default_rng(0)
    truth = Prior(features="logmel", weights=rng.standard_normal((2 * REACH + 1, 3)).astype(np.float32))
    people = [rng.standard_normal((400, 3)).astype(np.float32) for _ in range(3)]
    fitted = fit_prior([[(sound, truth.predict(sound)) for sound in people]], "logmel", ridge=1e-6)
    other = rng.standard_normal((200, 3)).astype(np.float32)
    assert np.corrcoef(fitted.predict(other), truth.predict(other))[0, 1] > 0.98


def test_an_impulse_of_sound_moves_the_jaw_around_it_in_the_order_of_the_weights() -> None:
    prior = Prior(features="logmel", weights=np.arange(9, dtype=np.float32)[:, None])
    impulse = np.zeros((41, 1), np.float32)
    impulse[20] = 1
    made = prior.predict(impulse)[20 - REACH : 20 + REACH + 1]
    np.testing.assert_allclose(np.diff(made), -1, atol=1e-4)  # the last weight is that of sound four frames later


def test_a_prior_file_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_prior("whisper").weights.shape == (2 * REACH + 1, 384)
    broken = tmp_path / "prior.safetensors"
    broken.write_bytes(prior_file.FILE.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(prior_file, "FILE", broken)
    with pytest.raises(InputError, match=r"prior.safetensors: is damaged \(its checksum differs\); install tfg again"):
        load_prior("whisper")


@pytest.mark.parametrize("late", [-8, -3, 0, 5, 8])
def test_a_known_offset_is_found_in_ten_seconds(spoken: Footage, late: int) -> None:
    stretch = Stretch(footage=spoken, start=3 * FPS, num_frames=10 * FPS)
    found = measured(stretch.audio(late), stretch.landmarks)
    assert found.offset_frames == late
    assert found.sure
    assert found.confidence >= SURE


def test_nothing_is_sure_of_silence_music_a_still_jaw_or_no_face(spoken: Footage) -> None:
    rng = np.random.default_rng(0)
    landmarks, samples = spoken.landmarks, len(spoken.audio)
    for sound in (np.zeros(samples, np.float32), silence(samples, rng), music(samples, rng)):
        assert not measured(sound, landmarks).sure
    assert not measured(spoken.audio, np.repeat(landmarks[:1], len(landmarks), axis=0)).sure
    nobody = measured(spoken.audio, np.full_like(landmarks, np.nan))
    assert (nobody.sure, nobody.frames, nobody.confidence) == (False, 0, 0.0)


def test_where_there_is_nothing_to_measure_the_line_says_so_and_not_in_sync(spoken: Footage) -> None:
    landmarks, audio = spoken.landmarks, spoken.audio
    nobody, still = np.full_like(landmarks, np.nan), np.repeat(landmarks[:1], len(landmarks), axis=0)
    few = Stretch(footage=spoken, start=50, num_frames=LEAST - 1)
    assert measured(audio, nobody).text() == "not measured: no face in any frame"
    assert measured(few.audio(), few.landmarks).text() == (
        f"not measured: {LEAST - 1} frames with a face, at least {LEAST} are needed"
    )
    assert measured(audio, still).text() == "not measured: the jaw does not move"
    assert measured(0 * audio, landmarks).text() == "not measured: the sound does not change"
    enough = Stretch(footage=spoken, start=50, num_frames=LEAST)
    assert 0 < measured(enough.audio(), enough.landmarks).confidence < 100


def test_too_few_frames_and_an_offset_beyond_the_range_are_not_sure(spoken: Footage) -> None:
    short = Stretch(footage=spoken, start=50, num_frames=FEWEST - 1)
    assert not measured(short.audio(), short.landmarks).sure
    stretch = Stretch(footage=spoken, start=3 * FPS, num_frames=10 * FPS)
    assert not measured(stretch.audio(MAX_OFFSET + 1), stretch.landmarks).sure


def test_a_cut_does_not_move_the_offset(spoken: Footage) -> None:
    """A jump of half the face's height in the middle, as where two takes are joined."""
    jumped = spoken.landmarks.copy()
    jumped[len(jumped) // 2 :, 8] += np.array([0, 20], np.float32)
    found = measured(spoken.audio, jumped)
    assert found.offset_frames == 0
    assert found.sure


@pytest.mark.parametrize(
    ("offset", "sure", "text"),
    [
        (4, True, "sound 4 frames (160 ms) late: sure (confidence 5.2, sure from 3.8; 250 frames with a face, logmel)"),
        (-1, True, "sound 1 frame (40 ms) early: sure (confidence 5.2, sure from 3.8; 250 frames with a face, logmel)"),
        (0, False, "sound in sync: not sure (confidence 5.2, sure from 3.8; 250 frames with a face, logmel)"),
    ],
)
def test_the_line_says_how_late_and_how_sure(offset: int, sure: bool, text: str) -> None:
    found = SyncOffset(offset_frames=offset, sure=sure, confidence=5.2, frames=250, features="logmel")
    assert found.text() == text


def test_the_command_measures_a_file_and_prints_json(
    spoken: Footage, tmp_path: Path, tmp_path_factory, monkeypatch, capsys
) -> None:
    cache = shared_cache(tmp_path_factory.getbasetemp())
    monkeypatch.setenv("TFG_CACHE", str(cache))
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    path = make_synthetic(EMBEDDED, cache / "clips")
    assert cli.run(["sync", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "offset_frames": 0,
        "sure": True,
        "confidence": found["confidence"],
        "frames": 400,
        "features": "logmel",
        "reason": None,
    }
    assert cli.run(["sync", str(path), "--seconds", "10"]) == 0
    assert capsys.readouterr().out.startswith("sound in sync: sure (confidence ")
    assert cli.run(["sync", str(path), "--seconds", "2"]) == 0
    assert capsys.readouterr().out == f"not measured: 50 frames with a face, at least {LEAST} are needed\n"
    for reason in (NO_SPEECH, NO_FACE):
        nothing = SyncOffset.not_measured(reason, 0, "logmel")
        monkeypatch.setattr(command, "clip_offset", lambda *_, found=nothing: found)
        assert cli.run(["sync", str(path), "--json"]) == 2
        out, error = capsys.readouterr()
        assert (out, error.count("\n"), error.startswith(f"tfg: {path}: {reason} in its first 16.0 s; ")) == (
            "",
            1,
            True,
        )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere.mp4"], "tfg: nowhere.mp4: no such file; check its path"),
        (["--seconds", "0"], "tfg: --seconds 0: must be a number of seconds above 0"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sync", *arguments]) == 2
    assert capsys.readouterr().err == f"{line}\n"
