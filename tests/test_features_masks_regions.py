"""Head and mouth regions from landmarks, and the parts of the MediaPipe masks that need no weights."""

import numpy as np
import pytest
from support.parts import part

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.masks.mediapipe import nearest_known
from tfg.features.masks.regions import head_region, mouth_region
from tfg.types import Floats, InputError


def face(degrees: float = 0.0) -> Floats:
    """A frontal face in a 128 px picture, eyes 40 px apart, rolled."""
    angle = np.radians(degrees)
    roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (GENERIC_SHAPE[:, :2] * 40 @ roll.T + 64).astype(np.float32)


def at(mask: np.ndarray, point: Floats) -> bool:
    return bool(mask[int(point[1]), int(point[0])])


def test_the_head_ends_at_the_jaw_and_holds_brows_hair_and_ears() -> None:
    points = face()
    head = head_region(points, 128)
    for landmark in points:
        assert at(head, landmark)
    assert at(head, points[19] - [0, 20])  # hair
    assert at(head, points[1] - [6, 0])  # ear
    assert not at(head, points[8] + [0, 4])  # throat
    assert not at(head, points[5] + [-4, 4])  # beside the jaw: neck or shoulder
    assert not at(head, points[4] + [-10, 6])


def test_the_region_rolls_with_the_head() -> None:
    points = face(30)
    head = head_region(points, 128)
    down = np.array([-np.sin(np.radians(30)), np.cos(np.radians(30))], np.float32)
    assert at(head, points[27] - 30 * down)
    assert not at(head, points[8] + 4 * down)


def test_the_mouth_is_the_inside_of_the_outer_lips() -> None:
    points = face()
    points[48:60] = [[40 + 4 * min(i, 12 - i), 70 if i in (0, 6) else 60 if i < 6 else 80] for i in range(12)]
    mouth = mouth_region(points, 128)
    assert at(mouth, np.array([52, 70]))
    assert not at(mouth, np.array([52, 58]))
    # a hexagon from (40, 70) over (44, 60) to (60, 60), (64, 70), (60, 80), (44, 80): 24 * 20 - 4 * 4 * 10 / 2 = 400
    assert mouth.sum() == pytest.approx(400, abs=45)  # fillPoly also takes the pixels its edge touches


def test_frames_without_landmarks_take_the_nearest_ones() -> None:
    landmarks = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 68, 2), np.float32)
    landmarks[[0, 2, 3]] = np.nan
    assert nearest_known(landmarks)[:, 0, 0].tolist() == [1, 1, 1, 4, 4]
    assert np.isnan(nearest_known(np.full((2, 68, 2), np.nan, np.float32))).all()


def test_options_out_of_range_name_their_key() -> None:
    with pytest.raises(InputError, match=r"masks\.threshold"):
        part("masks/mediapipe", threshold=1)
    with pytest.raises(InputError, match=r"masks\.workers"):
        part("masks/mediapipe", workers=0)
    with pytest.raises(InputError, match=r"nowhere\.tflite is not a file"):
        _ = part("masks/mediapipe", weights="nowhere.tflite").path
