"""Image metrics against scikit-image, hand-made numbers and the published LPIPS pair."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from scored_videos import chunk_of, scored_video
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tfg.metrics import image, regions
from tfg.metrics.base import MetricFacts, MetricValue, mean
from tfg.metrics.image import ImageQuality
from tfg.metrics.lpips import Lpips, PerceptualDistance, lpips
from tfg.metrics.temporal import Flicker
from tfg.types import InputError


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    truth = cv2.GaussianBlur(rng.integers(0, 256, (90, 48, 3), np.uint8), (5, 5), 1.5)
    noisy = np.clip(truth + rng.normal(0, 12, truth.shape), 0, 255).astype(np.uint8)
    return noisy[None], truth[None]


def similarity(true, made):
    return structural_similarity(
        true, made, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def test_psnr_equals_scikit_image(pictures):
    made, true = pictures
    assert image.psnr(made, true)[0] == pytest.approx(peak_signal_noise_ratio(true[0], made[0]), abs=1e-9)


def test_ssim_equals_scikit_image(pictures):
    made, true = pictures
    assert image.ssim(made, true)[0] == pytest.approx(similarity(true[0], made[0]), abs=1e-6)  # float32 here


def test_ssim_of_a_nearly_flat_bright_picture_keeps_its_digits():
    true = np.full((32, 32, 3), 250, np.uint8)
    made = true.copy()
    made[::2] = 251
    assert image.ssim(made[None], true[None])[0] == pytest.approx(similarity(true, made), abs=1e-5)


def test_regions_equal_the_same_measure_on_the_cut_picture(pictures):
    made, true = pictures
    boxes = {"_face": (3, 5, 40, 80), "_mouth": (10, 50, 30, 61)}
    seen = ImageQuality().look(chunk_of(made, true, face=boxes["_face"], mouth=boxes["_mouth"]))
    for region, (left, top, right, bottom) in boxes.items():
        cut = made[:, top:bottom, left:right], true[:, top:bottom, left:right]
        assert seen[f"psnr{region}"] == pytest.approx(image.psnr(*cut), abs=1e-9)
        assert seen[f"ssim{region}"] == pytest.approx(image.ssim(*cut), abs=1e-6)


def test_identical_videos_give_inf_and_exactly_one(pictures):
    _, true = pictures
    outcomes = ImageQuality().conclude(ImageQuality().look(chunk_of(true, true)), scored_video(true, true))
    assert all(math.isinf(outcomes[name].value) for name in ("psnr", "psnr_face", "psnr_mouth"))
    assert [outcomes[name].value for name in ("ssim", "ssim_face", "ssim_mouth")] == [1.0, 1.0, 1.0]


def test_one_identical_frame_counts_as_100_db_and_a_frame_without_number_not_at_all():
    assert mean(np.array([np.inf, 50.0, np.nan])).value == 75.0
    assert math.isinf(mean(np.array([np.inf, np.inf])).value)
    assert mean(np.array([np.nan])).missing == "no face was found in any frame"


def test_a_frame_without_a_face_has_no_face_number_but_a_full_one(pictures):
    seen = ImageQuality().look(chunk_of(*pictures, face=(0, 0, 0, 0), mouth=(0, 0, 0, 0)))
    assert np.isfinite(seen["psnr"]).all()
    assert np.isnan(seen["psnr_face"]).all()
    assert np.isnan(seen["ssim_mouth"]).all()


@pytest.mark.parametrize(
    ("pixels", "fault"),
    [
        (np.full((1, 12, 12, 3), 128.0), r"\[0, 128\]: floats must lie in \[0, 1\]"),
        (np.full((1, 12, 12, 3), -0.5), "floats must lie"),
        (np.full((1, 12, 12, 3), np.nan), "floats must lie"),
        (np.zeros((1, 12, 12, 3), np.int64), "type int64"),
    ],
)
def test_a_wrong_range_is_an_error_and_never_guessed(pixels, fault):
    for measure in (image.psnr, image.ssim):
        with pytest.raises(InputError, match=fault):
            measure(pixels, np.zeros((1, 12, 12, 3), np.uint8))


def test_floats_in_the_unit_range_score_like_their_bytes(pictures):
    made, true = pictures
    assert image.psnr(made / 255.0, true) == image.psnr(made, true)


def test_boxes_surround_the_landmarks_and_stay_inside():
    points = np.zeros((2, 68, 2), np.float32)
    points[0, :48] = [10, 20]
    points[0, 48:] = [50, 70]
    points[0, 48, 0] = 40  # the mouth is 10 wide: 2 more each way, and 11 pixels at least
    points[1] = np.nan
    assert regions.face_boxes(points, 64, 72).tolist() == [[5, 15, 55, 64], [0, 0, 0, 0]]
    assert regions.mouth_boxes(points, 96, 72)[0].tolist() == [38, 68, 52, 79]
    assert not regions.face_boxes(points, 10, 72).any()  # smaller than SSIM's window


def test_a_still_error_does_not_flicker_and_a_trembling_one_does():
    true = np.random.default_rng(0).integers(40, 200, (3, 16, 16, 3)).astype(np.uint8)
    trembling = true.copy()
    trembling[1] += 6
    for made, expected in ((true + 5, [0, 0]), (trembling, [6, 6])):
        seen = Flicker().look(chunk_of(made.astype(np.uint8), true))
        assert np.isnan(seen["flicker"][0])
        assert seen["flicker"][1:] == pytest.approx(expected)


def test_flicker_does_not_depend_on_where_the_chunks_are_cut():
    rng = np.random.default_rng(0)
    made, true = rng.integers(0, 256, (2, 4, 16, 16, 3)).astype(np.uint8)
    whole = Flicker().look(chunk_of(made, true))
    parts = [Flicker().look(part) for part in (chunk_of(made[:3], true[:3]), chunk_of(made, true, rows=slice(3, 4)))]
    for name in ("flicker", "flicker_mouth"):
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole[name])


def test_one_frame_cannot_flicker():
    true = np.zeros((1, 16, 16, 3), np.uint8)
    assert Flicker().conclude({}, scored_video(true, true))["flicker"].missing == "one frame cannot flicker"


def test_a_metric_has_a_value_or_a_reason_and_no_nan():
    facts = MetricFacts(title="t", better="up", digits=1)
    with pytest.raises(ValueError, match="either"):
        MetricValue(definition="d", facts=facts)
    with pytest.raises(ValueError, match="NaN"):
        MetricValue(definition="d", facts=facts, value=float("nan"))


@pytest.fixture
def network(tmp_path):
    """LPIPS of random weights: what holds for any weights is tested without the real ones."""
    rng = np.random.default_rng(0)
    channels, kernels = (3, 64, 192, 384, 256, 256), (11, 5, 3, 3, 3)
    arrays = {}
    for layer, kernel in enumerate(kernels):
        shape = (channels[layer + 1], channels[layer], kernel, kernel)
        arrays[f"conv{layer}.weight"] = rng.normal(0, 0.05, shape).astype(np.float32)
        arrays[f"conv{layer}.bias"] = np.zeros(shape[0], np.float32)
        arrays[f"lin{layer}"] = rng.uniform(0, 1, (1, shape[0], 1, 1)).astype(np.float32)
    np.savez(tmp_path / "w.npz", **arrays)
    return Lpips(tmp_path / "w.npz")


def test_lpips_of_identical_pictures_is_exactly_zero_and_grows_with_the_error(network, pictures):
    made, true = pictures
    assert lpips(network, true, true)[0] == 0.0
    half = ((made.astype(int) + true) // 2).astype(np.uint8)
    assert 0 < lpips(network, half, true)[0] < lpips(network, made, true)[0]


def test_lpips_of_regions_is_that_of_the_resized_box(network, pictures):
    made, true = pictures
    left, top, right, bottom = box = (4, 30, 36, 62)
    metric = PerceptualDistance(network=network, note="random")
    seen = metric.look(chunk_of(made, true, face=(0, 0, 0, 0), mouth=box))
    cut = [cv2.resize(p[0, top:bottom, left:right], (64, 64))[None] for p in (made, true)]
    assert seen["lpips_mouth"] == pytest.approx(lpips(network, *cut), abs=1e-7)
    assert np.isnan(seen["lpips_face"]).all()
    assert seen["lpips"] == pytest.approx(lpips(network, made, true), abs=1e-7)


def test_lpips_without_weights_says_why(pictures):
    outcome = PerceptualDistance(network=None, note="weights are missing").conclude({}, scored_video(*pictures))
    assert outcome["lpips_face"].missing == "weights are missing"


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
