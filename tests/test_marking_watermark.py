"""The watermark is found in what the writer writes, is not seen, and is not found where it is not."""

import cv2
import numpy as np
import pytest

from tfg.clip.read import open_video
from tfg.clip.write import write_video
from tfg.marking.watermark import BITS, Finding, decide, evidence_of, look, marked, plan


def scene(height: int, width: int, frames: int = 8, seed: int = 0) -> np.ndarray:
    """(frames, height, width, 3) a plain wall, a rough cloth below, a disk that moves."""
    rng = np.random.default_rng(seed)
    images = np.full((frames, height, width, 3), (150, 140, 130), np.uint8)
    cloth = rng.integers(60, 120, (height // 4, width // 4, 3), np.uint8)
    images[:, height // 2 :] = cv2.resize(cloth, (width, height))[height // 2 :]
    for number, image in enumerate(images):
        cv2.circle(image, (width // 2 + 2 * number, height // 2), height // 4, (220, 180, 160), -1)
    return images


@pytest.mark.parametrize(("height", "width"), [(128, 128), (144, 256), (360, 480)])
def test_it_is_found_in_a_video_as_it_is_written(tmp_path, height, width):
    images = scene(height, width)
    write_video(tmp_path / "marked.mp4", np.stack([marked(image) for image in images]), None)
    found = look(open_video(tmp_path / "marked.mp4").frames(0, len(images)))
    assert found.is_marked
    assert found.frames == len(images)
    assert not look(images).is_marked


def test_it_is_found_in_a_video_of_another_size():
    images = [marked(image) for image in scene(360, 480)]
    assert look(cv2.resize(image, (240, 180), interpolation=cv2.INTER_AREA) for image in images).is_marked
    assert look(cv2.resize(image, (720, 540), interpolation=cv2.INTER_CUBIC) for image in images).is_marked


def test_it_changes_no_pixel_by_more_than_a_few_levels():
    image = scene(360, 480)[0]
    difference = np.abs(marked(image).astype(int) - image)
    assert 0 < difference.max() <= 9  # STRONGEST times the largest gain
    assert difference[:80].max() <= 3  # of a plain wall: one level times the largest gain
    assert 10 * np.log10(255**2 / (difference**2).mean()) > 40


def test_black_and_white_stay_in_range():
    image = np.zeros((128, 128, 3), np.uint8)
    image[:, 64:] = 255
    assert np.abs(marked(image).astype(int) - image).max() <= 9  # nothing wraps around


def test_the_bits_of_other_keys_agree_as_coins_fall():
    images = scene(128, 128)
    total = np.sum([evidence_of(image) for image in images], axis=0)
    agreed = np.array([decide(total, 8, plan(128, 128, f"{k}".encode())).matched for k in range(400)])
    assert abs(agreed.mean() - BITS / 2) < 5 * np.sqrt(BITS) / 2 / np.sqrt(400)
    assert 0.85 < agreed.std() / (np.sqrt(BITS) / 2) < 1.15
    assert agreed.max() < 51


@pytest.mark.parametrize(("matched", "chance"), [(0, 1.0), (BITS, 2.0**-BITS), (BITS - 1, (1 + BITS) * 2.0**-BITS)])
def test_the_chance_is_that_of_fair_coins(matched, chance):
    assert Finding(matched=matched, frames=1).chance == pytest.approx(chance)


def test_a_video_is_marked_from_the_count_that_a_millionth_of_unmarked_ones_reach():
    assert [Finding(matched=count, frames=1).is_marked for count in (49, 50, 51)] == [False, False, True]


def test_no_frame_is_no_watermark():
    assert not look([]).is_marked


def test_every_bit_has_its_share_of_the_cells_at_every_scale():
    small, large = plan(128, 128), plan(512, 512)
    assert np.array_equal(small.bit, large.bit)
    assert np.array_equal(small.signs, large.signs)
    assert set(np.bincount(small.bit.ravel())) == {64}
    assert plan(360, 640).bit.shape == (64, 114)
