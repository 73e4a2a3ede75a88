"""Facts of motion complexity: tones, noise, invariances, and what happens to missing faces."""

from __future__ import annotations

import numpy as np
import pytest
from selector_candidates import face_points, face_track, opening_mouth
from support.parts import part

from tfg.selectors.faces import Rejected, complete_landmarks, stretches
from tfg.selectors.motion import AGGREGATIONS, MotionComplexity, camera_signal, lip_signals
from tfg.types import InputError

N = 125
TIME = np.arange(N)


def motion(**changes):
    return part("selector/isexplore", "motion", **changes)


def tone(bin_number: float, amplitude: float = 0.2) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * bin_number * TIME / N + 0.3)


def ratio(measure: MotionComplexity, signal: np.ndarray) -> float:
    high, total = measure.amplitudes(np.atleast_2d(signal))
    return float(high.sum() / total.sum())


def test_on_bin_tones_are_all_low_or_all_high() -> None:
    assert ratio(motion(), tone(12)) == pytest.approx(0.0, abs=1e-12)
    assert ratio(motion(), tone(50)) == pytest.approx(1.0, abs=1e-12)


def test_tones_in_the_landmarks_reach_the_lip_complexity() -> None:
    # Landmarks are float32: their rounding, 1e-5 pixels, is white and leaks a little over 62 bins.
    assert motion().of(opening_mouth(tone(12)), "lips").complexity == pytest.approx(0.0, abs=1e-3)
    assert motion().of(opening_mouth(tone(50)), "lips").complexity == pytest.approx(1.0, abs=1e-3)


def test_off_bin_tones_leak_and_a_hann_window_stops_it() -> None:
    leaking = ratio(motion(), tone(12.5))
    assert leaking > 0.02
    assert ratio(motion(window="hann"), tone(12.5)) < leaking / 20


def test_white_noise_scores_one_half() -> None:
    noise = np.random.default_rng(0).standard_normal((200, N))
    # 31 of 62 bins are high; 200 signals of Rayleigh amplitudes: standard error about 0.003.
    assert ratio(motion(), noise) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("coordinates", ["radial", "xy"])
def test_scale_and_offset_do_not_matter(aggregation: str, coordinates: str) -> None:
    landmarks = face_points() + np.random.default_rng(1).normal(0, 2, (N, 68, 2))
    measure = motion(aggregation=aggregation, coordinates=coordinates)
    for signals in ("lips", "camera", "both"):
        plain = measure.of(landmarks, signals).complexity
        assert measure.of(landmarks * 7 + 55, signals).complexity == pytest.approx(plain, rel=1e-9)


def test_thirty_one_of_sixty_two_bins_lie_strictly_above_a_quarter() -> None:
    impulse = np.zeros(N)
    impulse[0] = 1.0  # a flat spectrum: every bin 1
    high, total = motion().amplitudes(impulse[None])
    assert (high[0], total[0]) == pytest.approx((31, 62))


@pytest.mark.parametrize(("num_frames", "threshold", "bin_number"), [(100, 0.25, 25), (10, 0.3, 3), (250, 0.15, 37.5)])
def test_a_bin_on_the_threshold_is_not_high(num_frames: int, threshold: float, bin_number: float) -> None:
    impulse = np.zeros((1, num_frames))
    impulse[0, 0] = 1.0
    high, _ = motion(threshold=threshold).amplitudes(impulse)
    assert high[0] == pytest.approx(num_frames // 2 - int(bin_number))


def test_threshold_in_hertz_is_the_same_threshold() -> None:
    noise = np.random.default_rng(4).standard_normal((3, N))
    assert ratio(motion(threshold_hz=6.25), noise) == ratio(motion(threshold=0.25), noise)
    assert ratio(motion(threshold_hz=3.125), noise) > ratio(motion(), noise)


def test_detrending_makes_a_drift_invisible() -> None:
    signal = tone(6) + tone(50) / 4
    drift = signal + np.linspace(0, 5, N)
    detrended = motion(detrend="linear")
    assert ratio(motion(), drift) < 0.95 * ratio(motion(), signal)  # the drift is mostly low
    assert ratio(detrended, drift) == pytest.approx(ratio(detrended, signal), rel=1e-9)


def test_pooling_weighs_by_motion_and_the_mean_of_ratios_does_not() -> None:
    signals = np.stack([tone(12, amplitude=3.0), tone(50, amplitude=1.0)])
    high, total = motion().amplitudes(signals)
    assert high.sum() / total.sum() == pytest.approx(0.25)
    assert (high / total).mean() == pytest.approx(0.5)


def test_mean_of_ratios_counts_every_moving_signal_once() -> None:
    landmarks = np.repeat(face_points()[None], N, axis=0).astype(np.float64)
    lips = landmarks[:, 48:68] - landmarks[:, 48:68].mean(axis=1, keepdims=True)
    # Opposite points move alike, so the centroid and with it the camera signal stay still.
    stretch = np.where(np.arange(20)[:, None] % 10 < 5, tone(12, 0.3), tone(50, 0.1)).T
    landmarks[:, 48:68] += lips * stretch[:, :, None]
    measured = motion(aggregation="mean_of_ratios").of(landmarks, "lips")
    assert measured.complexity == pytest.approx(0.5, abs=1e-4)  # face_points is float32
    assert motion().of(landmarks, "lips").complexity < 0.3


def test_camera_signal_is_the_speed_of_the_lip_centroid() -> None:
    lips = np.zeros((4, 20, 2))
    lips[:, :, 0] = np.array([0, 3, 3, 3])[:, None]
    lips[:, :, 1] = np.array([0, 4, 4, 5])[:, None]
    assert camera_signal(lips).tolist() == [[5, 5, 0, 1]]


def test_radial_signals_ignore_the_head_and_xy_signals_do_not() -> None:
    lips = np.repeat(face_points()[None, 48:68], N, axis=0).astype(np.float64)
    moved = lips + tone(3, 20)[:, None, None]
    np.testing.assert_allclose(lip_signals(moved, "radial"), lip_signals(lips, "radial"), atol=1e-9)
    assert np.ptp(lip_signals(moved, "xy"), axis=1).min() > 30
    assert lip_signals(lips, "radial").shape == (20, N)
    assert lip_signals(lips, "xy").shape == (40, N)


def test_both_is_pooled_over_lips_and_camera() -> None:
    landmarks = face_points() + np.random.default_rng(9).normal(0, 1, (N, 68, 2))
    lips = landmarks[:, 48:68]
    high, total = motion().amplitudes(np.concatenate([lip_signals(lips, "radial"), camera_signal(lips)]))
    assert motion().of(landmarks, "both").complexity == pytest.approx(high.sum() / total.sum())


def lips_and_head(lips: float, head: float) -> np.ndarray:
    """Lip distances that move at bin 12 (low, all by `lips`) and a lip centroid whose speed alternates at bin 50 (high) by `head`."""
    points = opening_mouth(tone(12, lips)).astype(np.float64)
    # The centroid's x runs with a mean speed of 2 pixels a frame, so that its speed, an absolute value, is the tone itself.
    speed = 2 + tone(50, head)
    speed[0] = speed[1]
    return points + np.stack([np.cumsum(speed), np.zeros(N)], axis=1)[:, None]


def test_groups_weigh_the_same_however_much_each_moves() -> None:
    # Lips all low, ratio 0; head's speed all high, ratio 1: the mean is 1/2 whether the lips move 50 or 5000 times as much.
    for lips in (0.02, 0.2):
        measured = motion(aggregation="mean_of_groups").of(lips_and_head(lips, head=0.1), "both")
        assert measured.complexity == pytest.approx(0.5, abs=0.02)  # the first speed is repeated, and float32 rounds
    # Pooled, the same head hardly counts: 0.1 against 20 distances of mean 23.1 that move by 0.2 of themselves.
    assert motion().of(lips_and_head(0.2, head=0.1), "both").complexity < 0.01


def test_one_group_is_its_own_mean_and_a_still_group_does_not_count() -> None:
    landmarks = face_points() + np.random.default_rng(9).normal(0, 1, (N, 68, 2))
    by_groups = motion(aggregation="mean_of_groups")
    lips, camera = (motion().of(landmarks, signals).complexity for signals in ("lips", "camera"))
    assert by_groups.of(landmarks, "lips").complexity == lips
    assert by_groups.of(landmarks, "both").complexity == pytest.approx((lips + camera) / 2)
    rigid = np.repeat(face_points()[None], N, axis=0).astype(np.float64)
    rigid += np.random.default_rng(3).normal(0, 1, (N, 1, 2))
    assert by_groups.of(rigid, "both").complexity == pytest.approx(motion().of(rigid, "camera").complexity)


def test_a_still_face_has_complexity_zero_and_says_so() -> None:
    landmarks = np.repeat(face_points()[None] * 1.37, N, axis=0)
    for aggregation in AGGREGATIONS:
        measured = motion(aggregation=aggregation).of(landmarks, "both")
        assert (measured.complexity, measured.amplitude, measured.still) == (0.0, 0.0, True)


def test_amplitude_is_in_pixels() -> None:
    # Lip point k is r_k from the centroid, mean over k about 23.1: a tone of 0.2 moves it by 0.2 r_k.
    points = face_points()[48:68].astype(np.float64)
    expected = 0.2 * np.linalg.norm(points - points.mean(axis=0), axis=1).mean()
    assert motion().of(opening_mouth(tone(12)), "lips").amplitude == pytest.approx(expected, rel=1e-3)


def test_five_missing_frames_are_interpolated_and_six_reject_by_name() -> None:
    landmarks = np.repeat(face_points()[None], 40, axis=0)
    landmarks[:, :, 0] += np.arange(40)[:, None]  # a line: interpolation restores it exactly
    faces = np.ones(40)
    faces[[0, 12, 13, 14, 15]] = 0
    filled = complete_landmarks(face_track(landmarks, 100, faces), 0, 40, 5)
    np.testing.assert_allclose(filled[12:16], landmarks[12:16], rtol=1e-6)
    np.testing.assert_array_equal(filled[0], landmarks[1])  # an end is held
    faces[30] = 0
    refused = complete_landmarks(face_track(landmarks, 100, faces), 4, 40, 4)
    assert isinstance(refused, Rejected)
    assert refused.reason == "no face in frame 112: 5 of 36 frames without one clear face, 4 allowed"


def test_two_faces_are_no_clear_face() -> None:
    faces = np.ones(40)
    faces[20:30] = 2
    refused = complete_landmarks(face_track(np.repeat(face_points()[None], 40, axis=0), 0, faces), 0, 40, 5)
    assert isinstance(refused, Rejected)
    assert refused.reason.startswith("more than one face in frame 20: 10 of 40 frames")


def test_overlapping_candidates_are_one_stretch() -> None:
    assert stretches((300, 0, 25, 125), 100) == [(0, 225), (300, 400)]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"coordinates": "polar"}, "coordinates"),
        ({"aggregation": "sum"}, "aggregation"),
        ({"threshold": 0.5}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": "high"}, "threshold"),
        ({"threshold_hz": 12.5}, "threshold_hz"),
        ({"threshold_hz": float("nan")}, "threshold_hz"),
        ({"detrend": "cubic"}, "detrend"),
        ({"window": "hamming"}, "window"),
        ({"max_missing": -1}, "max_missing"),
    ],
)
def test_options_out_of_range_name_their_key(options: dict, key: str) -> None:
    with pytest.raises(InputError, match=rf"selector\.motion\.{key}: "):
        motion(**options)
