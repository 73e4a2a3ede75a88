"""The clean plate and the filling behind the head."""

import numpy as np
import torch

from tfg.features.background import clean_plate, fill_background, pull_push, widen
from tfg.threads import threads
from tfg.types import Bools, Bytes

SIZE = 64


def scene(num_frames: int = 20, shift: int = 0) -> tuple[Bytes, Bools]:
    """A head disk that wanders over a colour ramp (true background); head pixels are pure noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.stack([x * 2 + 60, y * 2 + 40, 0 * x + 90], axis=-1)[None].repeat(num_frames, axis=0).astype(np.uint8)
    centers = 32 + shift * np.sin(np.arange(num_frames))
    head = (x - centers[:, None, None]) ** 2 + (y - 28) ** 2 < 12**2
    images[head] = rng.integers(0, 256, (int(head.sum()), 3))
    return images, head


def test_no_pixel_of_a_head_reaches_the_result() -> None:
    images, head = scene(shift=8)
    other = images.copy()
    other[head] = 255 - other[head]
    first, second = (fill_background(i, head, clean_plate(i, head)) for i in (images, other))
    np.testing.assert_array_equal(first, second)


def test_pixels_outside_the_widened_head_are_the_truth() -> None:
    images, head = scene(shift=8)
    filled = fill_background(images, head, clean_plate(images, head))
    outside = ~widen(head)
    np.testing.assert_array_equal(filled[outside], images[outside])
    assert widen(head)[head].all()


def test_the_plate_shows_what_other_frames_saw() -> None:
    images, head = scene(num_frames=40, shift=20)
    y, x = np.mgrid[:SIZE, :SIZE]
    plate = clean_plate(images, head)
    truth = np.stack([x * 2 + 60, y * 2 + 40, 0 * x + 90], axis=-1)
    assert plate.known.mean() > 0.95
    np.testing.assert_array_equal(plate.color[plate.known], truth[plate.known])
    filled = fill_background(images, head, plate)
    here = head & plate.known
    np.testing.assert_array_equal(filled[here], np.broadcast_to(truth, filled.shape)[here])


def test_what_no_frame_saw_is_filled_from_around() -> None:
    images, head = scene(shift=0)
    plate = clean_plate(images, head)
    assert not plate.known[28, 32]
    filled = fill_background(images, head, plate)[0].astype(float)
    expected = np.array([32 * 2 + 60, 28 * 2 + 40, 90])  # the ramp goes on behind the head
    assert np.abs(filled[28, 32] - expected).max() < 12


def test_a_head_over_the_whole_picture_leaves_no_truth() -> None:
    images = np.full((4, SIZE, SIZE, 3), 200, np.uint8)
    head = np.ones((4, SIZE, SIZE), bool)
    assert (fill_background(images, head, clean_plate(images, head)) == 0).all()


def test_pull_push_keeps_known_pixels_for_odd_sizes() -> None:
    color = torch.rand(2, 3, 13, 21)
    weight = (torch.rand(2, 1, 13, 21) > 0.5).float()
    filled = pull_push(color * weight, weight)
    known = weight.expand_as(color) == 1
    torch.testing.assert_close(filled[known], color[known])
    assert filled.min() >= 0
    assert filled.max() <= 1
    flat = pull_push(torch.full((1, 3, 13, 21), 0.7) * weight[:1], weight[:1])
    torch.testing.assert_close(flat, torch.full_like(flat, 0.7))


def test_a_torso_that_has_moved_is_not_mixed_with_where_it_was() -> None:
    images = np.full((20, SIZE, SIZE, 3), 220, np.uint8)
    head = np.zeros((20, SIZE, SIZE), bool)
    head[:, 10:40, 20:44] = True
    head[10:] = np.roll(head[10:], -20, axis=2)  # the plate knows everything
    images[:, 36:, :, :] = 40  # shoulders
    plate = clean_plate(images, head)
    assert plate.known[10:40, 28:44].all()
    later = images[:1].copy()
    later[:, 24:36] = 40  # twelve pixels higher
    filled = fill_background(later, head[:1], plate)[0].astype(int)
    assert (filled[30, 28:40] < 130).all()  # where the shoulders are now, not the light wall of the plate
    assert (filled[12, 28:40] > 200).all()  # the wall is still trusted


def test_the_filling_does_not_depend_on_the_number_of_threads() -> None:
    """torch's averages round by where it cuts a picture; without `threads(1)` bytes of these differ."""
    size = 256
    images = np.random.default_rng(0).integers(100, 102, (8, size, size, 3)).astype(np.uint8)
    y, x = np.mgrid[:size, :size]
    centers = size / 2 + size / 10 * np.sin(np.arange(len(images)))
    head = (x - centers[:, None, None]) ** 2 + (y - 0.44 * size) ** 2 < (0.2 * size) ** 2
    plate = clean_plate(images, head)
    filled = []
    for count in (1, 2, 3):
        with threads(count):
            filled.append(fill_background(images, head, plate).tobytes())
    assert len(set(filled)) == 1
