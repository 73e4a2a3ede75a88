"""The landmark reader that is fitted on one clip, on drawn faces."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.face.fitted import READ, FittedLandmarks, _alignments, _apply
from tfg.landmarks import ANCHORS, mouth_opening
from tfg.types import Bytes, Floats, InputError

ROOT = Path(__file__).resolve().parent.parent
SIZE = 96


def drawn(num_frames: int, seed: int) -> tuple[Bytes, Floats]:
    """Faces that roll, shift and grow, with a dark mouth that opens: pictures and their landmarks."""
    rng = np.random.default_rng(seed)
    opening = rng.random(num_frames)
    landmarks = np.empty((num_frames, 68, 2), np.float32)
    images = np.empty((num_frames, SIZE, SIZE, 3), np.uint8)
    for i in range(num_frames):
        shape = GENERIC_SHAPE[:, :2].copy()
        shape[55:60, 1] += 0.2 * opening[i]
        shape[65:68, 1] += 0.2 * opening[i]
        shape[4:13, 1] += 0.1 * opening[i]
        angle, scale = rng.normal(0, 0.1), 32 * rng.uniform(0.9, 1.1)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        landmarks[i] = shape @ turn.T + 48 + rng.normal(0, 2, 2)
        image = np.full((SIZE, SIZE, 3), (200, 160, 140), np.uint8)
        for part, color in ((slice(48, 60), (190, 90, 90)), (slice(60, 68), (60, 20, 20))):
            points = np.round((landmarks[i, part] - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(image, [points], color, lineType=cv2.LINE_AA, shift=4)
        images[i] = np.clip(image + rng.normal(0, 4, image.shape), 0, 255)
    return images, landmarks


@pytest.fixture(scope="module")
def reader() -> FittedLandmarks:
    return FittedLandmarks.fit(*drawn(200, 0))


def test_it_reads_the_opening_of_mouths_it_has_not_seen(reader: FittedLandmarks) -> None:
    images, truth = drawn(60, 1)
    found = reader.landmarks(images, truth)
    assert np.corrcoef(mouth_opening(found), mouth_opening(truth))[0, 1] > 0.97
    assert np.sqrt(((found - truth)[:, 48:] ** 2).sum(axis=-1).mean()) < 1.0


def test_it_never_looks_at_the_true_mouth_or_jaw(reader: FittedLandmarks) -> None:
    images, truth = drawn(5, 2)
    other = truth.copy()
    other[:, list(READ)] += 7
    np.testing.assert_array_equal(
        reader.landmarks(images, other)[:, list(READ)], reader.landmarks(images, truth)[:, list(READ)]
    )
    assert not set(ANCHORS) & set(READ)


def test_the_other_points_are_the_guide(reader: FittedLandmarks) -> None:
    images, truth = drawn(5, 3)
    others = [i for i in range(68) if i not in READ]
    np.testing.assert_array_equal(reader.landmarks(images, truth)[:, others], truth[:, others])


def test_a_picture_of_another_frame_gives_the_mouth_of_that_frame(reader: FittedLandmarks) -> None:
    images, truth = drawn(40, 4)
    shifted = reader.landmarks(np.roll(images, 1, axis=0), np.roll(truth, 1, axis=0))
    assert abs(np.corrcoef(mouth_opening(shifted), mouth_opening(truth))[0, 1]) < 0.5


def test_it_states_its_own_error(reader: FittedLandmarks) -> None:
    assert reader.opening_correlation > 0.95
    assert f"opening r = {reader.opening_correlation:.3f}" in reader.definition
    assert "200 true training frames" in reader.definition


def test_alignment_is_the_similarity_that_made_the_points() -> None:
    angle = 0.3
    turn = 25 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (GENERIC_SHAPE[:, :2] @ turn.T + [40, 30])[None].astype(np.float32)
    found = _alignments(points)
    np.testing.assert_allclose(found[0, :, :2], turn, atol=1e-4)
    np.testing.assert_allclose(_apply(found, GENERIC_SHAPE[None, :, :2]), points, atol=1e-4)


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        FittedLandmarks.fit(*drawn(10, 0))


def test_it_is_the_same_bit_by_bit_with_any_number_of_threads() -> None:
    said = set()
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", FITTED],
            env={**os.environ, "OMP_NUM_THREADS": threads, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(done.stdout)
    assert len(said) == 1, said


FITTED = """
import hashlib
from test_features_face_fitted import drawn
from tfg.features.face.fitted import FittedLandmarks
images, landmarks = drawn(500, 3)
fitted = FittedLandmarks.fit(images, landmarks)
for values in (fitted.weights, fitted.landmarks(images, landmarks)):
    print(hashlib.sha256(values.tobytes()).hexdigest())
print(fitted.read_error_pixels, fitted.opening_correlation)
"""
