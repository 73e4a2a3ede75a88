"""Lip motion without the head's pose, the map from sound to it, and the file of a prior."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tfg.features.context import REACH, windows
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.lips.motion import lip_motion, lip_opening
from tfg.features.lips.opening import opening_range
from tfg.features.lips.prior import PRIOR, SHIPPED, load_motion, load_people, load_prior, prior_file, save_prior
from tfg.features.lips.regression import LipMap, Moments, fit_map, standardised
from tfg.landmarks import LIP_CHANNELS, SPOKEN
from tfg.types import Cameras, InputError, UniversalMotion

CHANNELS = 6
OPENING = np.array([1, 0, 0, 0], np.float32)  # of four numbers of motion
SOURCES = {"people": [{"name": "a", "clips": ["0" * 64], "frames": 10}], "licence": "none"}


def cameras_of(count: int, seed: int = 0) -> Cameras:
    rng = np.random.default_rng(seed)
    turns = Rotation.from_euler("xyz", 0.3 * rng.uniform(-1, 1, (count, 3)))
    return Cameras(
        rotation=turns.as_matrix().astype(np.float32),
        translation=(np.array([0, 0.1, 8]) + 0.3 * rng.uniform(-1, 1, (count, 3))).astype(np.float32),
        focal=300.0,
        size=128,
    )


def projected(points: np.ndarray, cameras: Cameras) -> np.ndarray:
    """(n, 68, 3) head space -> (n, 68, 2) pixels."""
    camera = points @ cameras.rotation.transpose(0, 2, 1) + cameras.translation[:, None]
    return (cameras.focal * camera[..., :2] / camera[..., 2:] + cameras.size / 2).astype(np.float32)


def test_a_resting_mouth_has_no_motion_at_any_pose() -> None:
    cameras = cameras_of(20)
    landmarks = projected(np.repeat(GENERIC_SHAPE[None], 20, axis=0), cameras)
    assert np.abs(lip_motion(landmarks, cameras, GENERIC_SHAPE)).max() < 1e-4


def test_motion_in_the_face_is_found_at_any_pose() -> None:
    rng, cameras = np.random.default_rng(1), cameras_of(20)
    told = 0.1 * rng.uniform(-1, 1, (20, len(SPOKEN), 2))
    points = np.repeat(GENERIC_SHAPE[None], 20, axis=0).astype(np.float64)
    points[:, list(SPOKEN), :2] += told
    found = lip_motion(projected(points, cameras), cameras, GENERIC_SHAPE)
    assert found.shape == (20, LIP_CHANNELS)
    # What is lifted to the rest's depth is off by at most 1 - cos of half a radian.
    assert np.abs(found.reshape(told.shape) - told).max() < 0.02


def speech(count: int, weights: np.ndarray, seed: int, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random features (n, CHANNELS) and the motion that they cause."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=(count + 8, CHANNELS))
    sound = sum(sound[shift : shift + count] for shift in range(4)).astype(np.float32) / 2
    motion = windows(sound) @ weights + noise * rng.normal(size=(count, weights.shape[1]))
    return sound, (0.1 * motion).astype(np.float32)


def weights_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=((2 * REACH + 1) * CHANNELS, 4)) / 7


def r(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean([np.corrcoef(one[:, k], other[:, k])[0, 1] for k in range(one.shape[1])]))


def test_the_map_of_many_frames_is_the_one_that_made_them() -> None:
    sound, motion = speech(3000, weights_of(0), 1)
    fitted = fit_map(sound, np.arange(100, 2500), motion[100:2500], None, ridge=1e-4, opening=OPENING)
    predicted = fitted.predict(sound)[2500:-REACH]
    np.testing.assert_allclose(predicted, motion[2500:-REACH], atol=0.03)


def test_a_prior_of_others_helps_where_frames_are_few_and_a_false_one_is_outvoted() -> None:
    own, shared = weights_of(0), weights_of(0)
    people = [speech(800, shared + 0.3 * weights_of(k), k) for k in range(10, 16)]
    prior = sum((Moments.of([clip]) for clip in people[1:]), Moments.of(people[:1])).prior(0.1)
    sound, motion = speech(1125, own, 99, noise=1.0)
    few = np.arange(125)
    held = slice(200, None)
    alone = r(fit_map(sound, few, motion[few], None, 1.0, OPENING).predict(sound)[held], motion[held])
    helped = r(fit_map(sound, few, motion[few], prior, 1.0, OPENING).predict(sound)[held], motion[held])
    assert helped > alone + 0.03
    many = np.arange(1000)
    false = r(fit_map(sound, many, motion[many], -prior, 1e-3, OPENING).predict(sound)[1005:], motion[1005:])
    assert false > 0.5  # alone it would predict the opposite


def test_predictions_of_unseen_speech_move_as_far_as_the_mouth_did() -> None:
    sound, motion = speech(2000, weights_of(0), 3, noise=1.0)
    fitted = fit_map(sound, np.arange(250), motion[:250], None, ridge=1.0, opening=OPENING)
    assert 0.8 < fitted.predict(sound)[300:].std() / motion[300:].std() < 1.25


def test_frames_beyond_the_segment_do_not_count() -> None:
    sound, motion = speech(400, weights_of(0), 4)
    rows = np.arange(100, 225)
    changed = sound.copy()
    changed[: 100 - REACH], changed[225 + REACH :] = 9, -9
    one, other = (fit_map(given, rows, motion[rows], None, 1.0, OPENING) for given in (sound, changed))
    np.testing.assert_array_equal(one.weights, other.weights)


def test_a_person_that_is_taken_out_leaves_the_prior_of_the_others() -> None:
    first, second = Moments.of([speech(700, weights_of(1), 1)]), Moments.of([speech(300, weights_of(2), 2)])
    np.testing.assert_allclose((first + second - second).prior(1.0), first.prior(1.0), atol=1e-5)


def test_standardised_sound_has_no_channel_that_explodes() -> None:
    sound = np.zeros((50, 3), np.float32)
    sound[:, 0] = np.random.default_rng(0).normal(size=50)
    sound[:, 1] = 1e-9 * sound[:, 0]
    assert np.abs(standardised(sound)[:, 1]).max() < 1e-6


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
    assert found.people == load_people(one) == SOURCES["people"]


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
        prior_file("nowhere")


def test_the_prior_that_comes_with_tfg_is_small_and_names_its_people_and_licence() -> None:
    assert SHIPPED.stat().st_size < 3_000_000
    for features, channels in (("whisper-2", 384), ("logmel", 80)):
        prior = load_prior(prior_file("universal"), features)
        assert prior.weights.shape == (2 * REACH + 1, channels, LIP_CHANNELS)
        assert "CC BY 4.0" in prior.sources["licence"]
        names = [person["name"] for person in prior.people]
        assert all(name.startswith(("grid_s1", "synthetic ")) or len(name) == 6 for name in names)  # GRID's sentences
        assert len(names) == 18


def test_the_prior_is_that_of_its_moments_whatever_their_order() -> None:
    clips = [speech(300, weights_of(k), k) for k in range(3)]
    forward = Moments.of(clips[:1]) + Moments.of(clips[1:2]) + Moments.of(clips[2:])
    backward = Moments.of(clips[2:]) + Moments.of(clips[1:2]) + Moments.of(clips[:1])
    np.testing.assert_allclose(forward.prior(1.0), backward.prior(1.0), atol=1e-6)
    assert replace(forward, frames=forward.frames).frames == pytest.approx(900)


def test_openings_are_given_the_range_of_the_person() -> None:
    rng = np.random.default_rng(5)
    seen = rng.normal(size=(400, 3)) * [0, 1, 0.5] + np.outer(rng.exponential(size=400), [1, 0.4, 0])
    opening = np.array([1, 0, 0], np.float32)
    timid = 0.3 * seen + 0.2 * rng.normal(size=seen.shape)
    range_ = opening_range(seen, timid, opening)
    mended = range_.mend(timid.astype(np.float32))
    np.testing.assert_allclose(
        np.quantile(mended[:, 0], [0.1, 0.5, 0.9]), np.quantile(seen[:, 0], [0.1, 0.5, 0.9]), atol=0.02
    )
    assert (np.argsort(mended[:, 0]) == np.argsort(timid[:, 0])).all()
    np.testing.assert_allclose(mended[:, 1] - timid[:, 1], range_.along[1] * (mended[:, 0] - timid[:, 0]), atol=1e-5)
    assert range_.along[1] == pytest.approx(0.4, abs=0.1)
    beyond = range_.mend(np.array([[-9, 0, 0], [9, 0, 0]], np.float32))[:, 0]
    assert beyond[0] == pytest.approx(seen[:, 0].min(), abs=1e-5)
    assert beyond[1] > seen[:, 0].max()


def test_the_lips_opening_is_the_distance_of_the_inner_lips_against_rest() -> None:
    told = np.zeros((1, 68, 2), np.float32)
    told[0, [61, 62, 63], 1], told[0, [65, 66, 67], 1] = -0.01, 0.05
    assert told[:, list(SPOKEN)].reshape(1, -1) @ lip_opening() == pytest.approx(0.06)


def test_a_map_is_the_same_after_it_was_taken_apart() -> None:
    sound, motion = speech(300, weights_of(0), 4)
    fitted = fit_map(sound, np.arange(200), motion[:200], None, 1.0, OPENING)
    again = LipMap.of_arrays(fitted.arrays())
    np.testing.assert_array_equal(fitted.predict(sound), again.predict(sound))
    with pytest.raises(KeyError):
        LipMap.of_arrays({name: array for name, array in fitted.arrays().items() if name != "range_seen"})
