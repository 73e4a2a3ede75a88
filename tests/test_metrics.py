"""Metrics against independent implementations and hand-made numbers."""

import math

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfg.metrics import image
from tfg.metrics.base import MetricValue
from tfg.metrics.evaluate import Evaluator
from tfg.metrics.landmark import agreement, landmark_distance, mouth_opening
from tfg.metrics.lpips import Lpips, lpips
from tfg.types import InputError


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    truth = cv2.GaussianBlur(rng.integers(0, 256, (40, 48, 3), np.uint8), (5, 5), 1.5)
    noisy = np.clip(truth + rng.normal(0, 12, truth.shape), 0, 255).astype(np.uint8)
    return noisy[None], truth[None]


def test_psnr_equals_scikit_image(pictures):
    made, true = pictures
    assert image.psnr(made, true)[0] == pytest.approx(peak_signal_noise_ratio(true[0], made[0]), abs=1e-9)


def test_ssim_equals_scikit_image(pictures):
    made, true = pictures
    expected = structural_similarity(
        true[0], made[0], channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert image.ssim(made, true)[0] == pytest.approx(expected, abs=1e-4)  # float32 against float64


def test_identical_pictures_give_inf_one_and_a_mean_by_the_stated_rule(pictures):
    _, true = pictures
    assert math.isinf(image.psnr(true, true)[0])
    assert image.ssim(true, true)[0] == pytest.approx(1.0)
    assert image.finite_mean(np.array([np.inf, 50.0])) == 75.0


def test_face_box_surrounds_landmarks_and_stays_inside():
    points = np.array([[10.0, 20.0], [50.0, 70.0]], np.float32)
    assert image.face_box(points, 64) == (5, 15, 55, 64)


def test_landmark_distance_ignores_where_the_mouth_is_and_counts_its_shape():
    truth = np.random.default_rng(0).normal(size=(3, 68, 2)).astype(np.float32)
    assert landmark_distance(truth + 7, truth).max() < 1e-5
    moved = truth.copy()
    moved[:, 48:58, 0] += 2  # half of the points by 2: centred, all are off by 1
    assert landmark_distance(moved, truth) == pytest.approx([1, 1, 1], abs=1e-6)


def test_mouth_opening_is_the_mean_inner_gap():
    points = np.zeros((1, 68, 2), np.float32)
    points[0, [67, 66, 65], 1] = [3, 6, 9]
    assert mouth_opening(points)[0] == pytest.approx(6)


def test_agreement_finds_a_late_prediction():
    truth = np.random.default_rng(0).normal(size=200)
    late = np.roll(truth, 3)
    found = agreement(late, truth)
    assert found is not None
    assert found.lag == 3
    assert abs(found.correlation) < 0.3


def test_agreement_of_a_still_mouth_does_not_exist():
    assert agreement(np.ones(100), np.random.default_rng(0).normal(size=100)) is None


def test_a_metric_has_a_value_or_a_reason():
    with pytest.raises(ValueError, match="either"):
        MetricValue(definition="d")


class Guide:
    definition = "the guide itself"

    def landmarks(self, images, guide):
        return guide


def test_evaluator_names_what_is_missing_and_refuses_other_shapes(pictures):
    made, true = (np.repeat(p[:, :40, :40], 30, axis=0) for p in pictures)
    guide = np.random.default_rng(1).uniform(8, 30, (30, 68, 2)).astype(np.float32)
    evaluator = Evaluator(truth=true, guide=guide, reader=Guide(), lpips_network=None, lpips_note="no weights")
    scored = evaluator.score(made)
    assert scored["lpips"].unavailable == "no weights"
    assert scored["mouth_lag"].unavailable  # one picture repeated: the mouth is still
    assert scored["psnr_face"].value != scored["psnr"].value
    with pytest.raises(InputError, match="differ"):
        evaluator.score(made[:-1])


@pytest.mark.real
def test_lpips_reproduces_the_published_pair(real_assets):
    network = Lpips(real_assets / "weights" / "lpips_alex_v0.1_float32.npz")

    def read(name):
        return cv2.imread(str(real_assets / "lpips_pair" / f"ex_{name}.png"))[None, ..., ::-1]

    assert lpips(network, read("p0"), read("ref"))[0] == pytest.approx(0.722, abs=2e-3)
    assert lpips(network, read("p1"), read("ref"))[0] == pytest.approx(0.138, abs=2e-3)


def test_lpips_refuses_a_file_that_is_not_its_weights(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(InputError, match="not LPIPS weights"):
        Lpips(path)
