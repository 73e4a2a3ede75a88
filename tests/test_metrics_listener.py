"""The embedded listener on made speech: a hidden motion moves the lips and colours the sound."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scored_videos import scored_video, track_of

from tfg.landmarks import ANCHORS
from tfg.metrics.base import NO_AUDIO, ScoredVideo
from tfg.metrics.listener import fit as listener_fit
from tfg.metrics.listener.features import MOVING, anchor_shape, log_mel, mouth_motion, sound_motion, usable
from tfg.metrics.listener.fitted import FittedListener, ListenerUnavailable, NoListener
from tfg.metrics.listener.metric import ListenerSync
from tfg.metrics.listener.reliability import area, reliability
from tfg.record.files import seal
from tfg.types import SAMPLES_PER_FRAME, Floats, InputError

CHANNELS = 12
FITTED, UNSEEN = 500, 150


def face() -> np.ndarray:
    """(68, 2) in pixels; only its anchors, lips and chin matter."""
    points = np.random.default_rng(5).uniform(80, 120, (68, 2))
    points[36], points[45] = (80, 80), (120, 80)  # interocular distance 40 px
    points[27:31] = [(100, 80), (100, 87), (100, 94), (100, 101)]
    points[39], points[42] = (93, 80), (107, 80)
    return points


def speech(num_frames: int, seed: int) -> tuple[Floats, Floats]:
    """Sound (n, 12) and landmarks (n, 68, 2) that both follow three hidden signals; the head wanders on its own."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(7)
    hidden = np.stack([np.convolve(rng.standard_normal(num_frames + 4), np.ones(5) / 5, "valid") for _ in range(3)], 1)
    sound = np.tanh(hidden @ mixing.normal(size=(3, CHANNELS))) + 0.05 * rng.standard_normal((num_frames, CHANNELS))
    landmarks = np.repeat(face()[None], num_frames, axis=0)
    landmarks[:, list(MOVING)] += np.einsum("nk,kpd->npd", hidden, 3 * mixing.normal(size=(3, len(MOVING), 2)))
    landmarks += np.cumsum(0.3 * rng.standard_normal((num_frames, 1, 2)), axis=0)
    return sound.astype(np.float32), landmarks.astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def few_steps() -> Iterator[None]:
    """The made speech is learned in far fewer steps than real speech."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listener_fit, "STEPS", 25)
        patch.setattr(listener_fit, "_STRETCHES", 4)
        yield


@pytest.fixture(scope="module")
def listener() -> FittedListener:
    return FittedListener.fit(*speech(FITTED, seed=0))


@pytest.fixture(scope="module")
def unseen() -> tuple[Floats, Floats]:
    return speech(UNSEEN, seed=1)


def test_speech_that_was_not_fitted_is_in_sync_and_its_reliability_is_stated(listener, unseen) -> None:
    curve = listener.score(*unseen)
    assert curve.offset == 0
    assert curve.confidence > 0.3
    measured = reliability([listener.distances(*unseen)], listener_fit.WINDOW)
    assert measured is not None
    assert measured.auc > 0.9
    assert measured.num_frames == UNSEEN - 34
    assert listener.reliability.auc == pytest.approx(measured.auc, abs=0.08)  # of fits on three quarters of the speech
    assert f"ROC-AUC {listener.reliability.auc:.3f}" in listener.definition
    assert f"{100 * listener.reliability.offset_found_share:.0f} % of" in listener.definition


@pytest.mark.parametrize("frames", [4, 8, -6])
def test_late_sound_has_a_negative_offset(listener, unseen, frames: int) -> None:
    sound, landmarks = unseen
    assert listener.score(np.roll(sound, frames, axis=0), landmarks).offset == -frames


def test_foreign_sound_and_a_still_mouth_have_almost_no_confidence(listener, unseen) -> None:
    sound, landmarks = unseen
    truth = listener.score(sound, landmarks).confidence
    assert listener.score(speech(UNSEEN, seed=2)[0], landmarks).confidence < 0.3 * truth
    still = np.repeat(landmarks[:1], UNSEEN, axis=0)
    assert listener.score(sound, still).confidence < 0.1 * truth


def test_the_size_of_the_picture_does_not_matter(listener, unseen) -> None:
    sound, landmarks = unseen
    small = listener.score(sound, landmarks * 0.25 + 3).distances
    np.testing.assert_allclose(small, listener.score(sound, landmarks).distances, atol=1e-3)  # float32 landmarks


def test_a_fit_is_the_same_again_whatever_the_number_of_threads_and_leaves_torch_as_it_was(unseen) -> None:
    sound, landmarks = unseen
    known = usable(landmarks)
    before = torch.get_num_threads()
    fits = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            torch.manual_seed(threads)
            state = torch.random.get_rng_state()
            fits.append(listener_fit.fit_towers(sound, landmarks, known, seed=3))
            assert torch.get_num_threads() == threads
            assert torch.equal(torch.random.get_rng_state(), state)
    finally:
        torch.set_num_threads(before)
    for name, value in vars(fits[0].lips).items():
        np.testing.assert_array_equal(value, getattr(fits[1].lips, name), err_msg=name)
    other = listener_fit.fit_towers(sound, landmarks, known, seed=4)
    assert not np.array_equal(other.lips.weight, fits[0].lips.weight)


def test_progress_is_told_of_every_step(unseen) -> None:
    steps: list[int] = []
    listener_fit.fit_towers(*unseen, usable(unseen[1]), 0, steps.append)
    assert sum(steps) == 25


def test_frames_without_a_face_are_left_out_and_counted() -> None:
    sound, landmarks = speech(FITTED, seed=0)
    landmarks[100:120] = np.nan
    fitted = FittedListener.fit(sound, landmarks)
    assert (fitted.num_frames, fitted.num_missing) == (FITTED - 20, 20)
    assert "20 without a face left out" in fitted.definition
    held, lips = speech(UNSEEN, seed=1)
    lips[70] = np.nan
    rows = fitted.distances(held, lips)
    missing = np.flatnonzero(np.isnan(rows).any(axis=1)).tolist()
    assert missing == [*range(17), *range(68, 73), *range(UNSEEN - 17, UNSEEN)]
    assert fitted.score(held, lips).offset == 0


def test_a_lonely_fold_without_a_face_is_no_obstacle() -> None:
    sound, landmarks = speech(FITTED, seed=0)
    landmarks[: FITTED // 4] = np.nan
    assert FittedListener.fit(sound, landmarks).reliability.num_stretches == 3 * 3  # 125 frames hold 91 windows


def test_too_short_and_too_faceless_clips_say_what_is_needed() -> None:
    sound, landmarks = speech(200, seed=0)
    with pytest.raises(ListenerUnavailable, match=r"needs 9 s \(236 windows\).*here are 196 windows of 200 frames"):
        FittedListener.fit(sound, landmarks)
    sound, landmarks = speech(FITTED, seed=0)
    landmarks[::20] = np.nan
    with pytest.raises(
        ListenerUnavailable, match="no quarter of the training part shows a face for 29 frames in a row"
    ):
        FittedListener.fit(sound, landmarks)


def test_a_clip_whose_sound_says_nothing_of_the_lips_has_no_listener() -> None:
    sound, landmarks = speech(FITTED, seed=0)
    with pytest.raises(ListenerUnavailable, match=r"AUC of only 0\.\d\d \(0.6 is the minimum\)"):
        FittedListener.fit(speech(FITTED, seed=9)[0], landmarks)
    with pytest.raises(ListenerUnavailable, match=r"AUC of only 0\.50"):
        FittedListener.fit(np.zeros_like(sound), landmarks)


def test_a_run_with_less_than_a_second_of_windows_is_not_scored(listener, unseen) -> None:
    sound, landmarks = unseen
    with pytest.raises(ListenerUnavailable, match="at least 59 frames in all; here are 24 windows of 58 frames"):
        listener.score(sound[:58], landmarks[:58])
    with pytest.raises(ListenerUnavailable, match="0 windows of 20 frames"):
        listener.score(sound[:20], landmarks[:20])
    assert listener.score(sound[:59], landmarks[:59]).offset == 0


def test_sound_of_other_features_is_refused(listener, unseen) -> None:
    with pytest.raises(ValueError, match="fitted on 12 channels"):
        listener.score(unseen[0][:, :5], unseen[1])


def test_a_saved_listener_scores_the_same(listener, unseen, tmp_path: Path) -> None:
    listener.save(tmp_path / "listener.safetensors")
    again = FittedListener.load(tmp_path / "listener.safetensors")
    np.testing.assert_array_equal(again.score(*unseen).distances, listener.score(*unseen).distances)
    assert again.definition == listener.definition
    assert sorted(path.name for path in tmp_path.iterdir()) == ["listener.safetensors", "listener.safetensors.sha256"]


def test_a_listener_with_a_flipped_byte_is_named_as_damaged(listener, tmp_path: Path) -> None:
    path = tmp_path / "listener.safetensors"
    listener.save(path)
    held = bytearray(path.read_bytes())
    held[-100] ^= 1  # in a tensor: still a valid safetensors file
    path.write_bytes(held)
    with pytest.raises(InputError, match=r"listener.safetensors: a fitted listener whose checksum .* it is damaged"):
        FittedListener.load(path)


def test_foreign_files_are_refused_in_one_line(listener, tmp_path: Path) -> None:
    good = tmp_path / "good"
    listener.save(good)
    arrays = load_file(good)
    notes = {"format": "tfg-listener 2", "reliability": "{}", "num_frames": "1", "num_missing": "0", "seed": "0"}

    def refused(match: str) -> None:
        if (tmp_path / "bad").exists():  # sealed: a whole file, but not ours
            (tmp_path / "bad").rename(tmp_path / "part")
            seal(tmp_path / "part", tmp_path / "bad")
        with pytest.raises(InputError, match=match) as caught:
            FittedListener.load(tmp_path / "bad")
        assert "\n" not in str(caught.value)
        assert str(tmp_path / "bad") in str(caught.value)

    with pytest.raises(InputError, match="checksum is missing"):
        FittedListener.load(tmp_path / "bad")  # there is none
    (tmp_path / "bad").write_bytes(pickle.dumps({"lips.mean": 1}))
    refused("not a fitted listener")
    (tmp_path / "bad").write_bytes(good.read_bytes()[:-100])
    refused("not a fitted listener")
    save_file(arrays, tmp_path / "bad")
    refused("its format is None")
    save_file(arrays, tmp_path / "bad", metadata=notes)
    refused("missing 6 required")
    save_file(arrays | {"lips.extra": arrays["anchors"]}, tmp_path / "bad", metadata=notes)
    refused("extra")
    save_file(arrays | {"extra": arrays["anchors"]}, tmp_path / "bad", metadata=notes)
    refused("unknown array extra")
    save_file(arrays | {"lips.bias": arrays["lips.bias"][:-1]}, tmp_path / "bad", metadata=notes)
    refused(r"lips.bias is not float32, finite and \(192,\)")
    save_file(arrays | {"sound.bias": arrays["sound.bias"] * np.float32(np.nan)}, tmp_path / "bad", metadata=notes)
    refused("sound.bias is not float32, finite")
    del arrays["anchors"]
    save_file(arrays, tmp_path / "bad", metadata=notes)
    refused("anchors")


def test_the_key_names_the_seed() -> None:
    assert FittedListener.key(0) != FittedListener.key(1)
    assert FittedListener.key(2) == FittedListener.key(2)


def scored(landmarks: Floats, audio: Floats | None) -> ScoredVideo:
    pictures = np.zeros((len(landmarks), 8, 8, 3), np.uint8)
    return scored_video(pictures, None, made_track=track_of(landmarks), audio=audio)


def test_the_metric_reads_its_numbers_off_the_curve_and_by_frame(listener, unseen) -> None:
    sound, landmarks = unseen
    landmarks = landmarks.copy()
    landmarks[70] = np.nan
    metric = ListenerSync(listener=listener, sound_features=lambda audio: sound)
    audio = np.zeros(UNSEEN * SAMPLES_PER_FRAME, np.float32)
    outcomes = metric.conclude({}, scored(landmarks, audio))
    curve = listener.score(sound, landmarks)
    found = {name: outcome.value for name, outcome in outcomes.items()}
    assert found == {
        "sync_c_listener": curve.confidence,
        "sync_d_listener": curve.distance,
        "sync_offset_listener": 0.0,
    }
    for name in ("sync_c_listener", "sync_d_listener"):
        assert outcomes[name].per_frame.shape == (UNSEEN,)
        assert np.nanmean(outcomes[name].per_frame) == pytest.approx(found[name])
    definitions = metric.define(scored(landmarks, audio))
    assert set(definitions) == set(metric.names)
    assert f"{UNSEEN - 34 - 5} windows" in definitions["sync_d_listener"]
    assert "one of 1 frames without a face" in definitions["sync_d_listener"]
    assert "ROC-AUC" in definitions["sync_offset_listener"]


def test_what_cannot_be_scored_says_why(listener, unseen) -> None:
    sound, landmarks = unseen
    audio = np.zeros(UNSEEN * SAMPLES_PER_FRAME, np.float32)

    def reasons(metric: ListenerSync, of: ScoredVideo) -> set[str | None]:
        assert set(metric.define(of)) == set(metric.names)
        return {outcome.missing for outcome in metric.conclude({}, of).values()}

    assert reasons(ListenerSync(listener=NoListener(reason="too few frames")), scored(landmarks, audio)) == {
        "too few frames"
    }
    metric = ListenerSync(listener=listener, sound_features=lambda samples: sound[: len(samples) // SAMPLES_PER_FRAME])
    assert reasons(metric, scored(landmarks, None)) == {NO_AUDIO}
    assert reasons(metric, scored(landmarks, audio[:-SAMPLES_PER_FRAME])) == {
        "149 frames of sound are fewer than 150 of video"
    }
    (reason,) = reasons(metric, scored(np.full_like(landmarks, np.nan), audio))
    assert "here are 0 windows of 150 frames" in reason
    (reason,) = reasons(metric, scored(landmarks[:30], audio[: 30 * SAMPLES_PER_FRAME]))
    assert "here are 0 windows of 30 frames" in reason


def test_motion_is_what_the_head_does_not_do() -> None:
    points = np.repeat(face()[None], 60, axis=0)
    known = np.ones(60, bool)
    shape = anchor_shape(points)
    assert np.linalg.norm(shape[ANCHORS.index(36)] - shape[ANCHORS.index(45)]) == pytest.approx(1)
    angles = np.linspace(-0.3, 0.3, 60)
    turn = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
    moved = np.einsum("nij,nkj->nki", turn, points) * np.linspace(0.5, 2, 60)[:, None, None] + 100
    np.testing.assert_allclose(mouth_motion(moved, known, shape), 0, atol=1e-12)

    points[30, 8, 1] += 4  # the chin, a tenth of the interocular distance, in one frame of the 25 around
    motion = mouth_motion(points, known, shape).reshape(60, len(MOVING), 2)
    chin = MOVING.index(8)
    np.testing.assert_allclose(motion[[30, 29, 18, 17], chin, 1], [0.1 * 24 / 25, -0.1 / 25, -0.1 / 25, 0], atol=1e-9)
    assert np.abs(np.delete(motion, chin, axis=1)).max() < 1e-12


def test_a_missing_frame_has_no_motion_and_does_not_move_its_neighbours() -> None:
    points = np.repeat(face()[None], 30, axis=0)
    points[10] = np.nan
    points[11, 36:48] = 7.0  # a face whose anchors fall into one point, as good as none
    points[11, 27:36] = 7.0
    known = usable(points)
    assert np.flatnonzero(~known).tolist() == [10, 11]
    np.testing.assert_allclose(mouth_motion(points, known, anchor_shape(points[known])), 0, atol=1e-12)


def test_log_mel_hears_a_tone_in_its_band_and_moves_with_the_sound() -> None:
    time = np.arange(16_000) / 16_000
    tone = (0.1 * np.sin(2 * np.pi * 1019 * time)).astype(np.float32)
    rows = log_mel(tone).reshape(-1, 40)
    assert rows.shape == (100, 40)
    # 42 edges from 60 Hz (92.8 mel) to 7600 Hz (2787 mel), 65.7 mel apart; 1019 Hz is edge 14 (1012.7 mel), band 13's peak
    assert set(rows[2:-2].argmax(axis=1)) == {13}
    noise = np.random.default_rng(0).standard_normal(20 * SAMPLES_PER_FRAME).astype(np.float32) * 0.01
    heard = log_mel(noise)
    np.testing.assert_allclose(log_mel(noise * 0.25), heard, atol=1e-3)  # decibels; float32
    np.testing.assert_allclose(log_mel(np.roll(noise, SAMPLES_PER_FRAME))[3:-1], heard[2:-2], atol=1.0)  # level by run
    assert heard.min() >= -60
    np.testing.assert_allclose(sound_motion(heard + 7), sound_motion(heard), atol=1e-4)  # float32
    assert log_mel(noise[: 2 * SAMPLES_PER_FRAME - 1]).shape == (1, 160)
    assert log_mel(noise[:5]).shape == (0, 160)
    assert np.all(log_mel(np.zeros(SAMPLES_PER_FRAME, np.float32)) == 0)


def test_area_counts_ties_half() -> None:
    assert area(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == 3.5 / 4
    assert area(np.array([4.0]), np.array([2.0, 3.0])) == 0.0


def test_reliability_of_distances_made_by_hand() -> None:
    rows = np.ones((60, 31))
    rows[:30, 15] = 0.5  # in sync
    rows[30:, 18] = 0.5  # three frames off
    measured = reliability([rows[:30], rows[30:]], 5)
    assert measured is not None
    assert (measured.offset_found_share, measured.num_stretches, measured.num_frames) == (0.5, 2, 60)
    # of 60 x 28 pairs' far sides 30 are 0.5, the others 1: half the near ones win or tie, the other half tie or lose
    tied = 30 / (60 * 28)
    assert measured.auc == pytest.approx(0.5 * (1 - tied / 2) + 0.5 * (1 - tied) / 2)
    gap = rows.copy()
    gap[24] = np.nan
    assert reliability([gap[:40]], 5) is None  # 24 and 15 rows in a row
    assert replace(measured, auc=0.5).definition.startswith("one window of 5 frames in sync against shifted by 2 to 15")
