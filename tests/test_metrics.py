"""Metrics against independent implementations and hand-made numbers."""

import math

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfg.metrics import image
from tfg.metrics.base import MetricValue
from tfg.metrics.evaluate import Evaluator
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
