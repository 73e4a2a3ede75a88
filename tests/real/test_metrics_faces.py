"""Metrics read off faces, on real people: blinks counted by eye, edits that must move a number, and those that must not."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scored_videos import scored_video
from support.parts import part

from tfg import assets
from tfg.clip.read import read_clip
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.metrics.base import Metric, Outcome
from tfg.metrics.blink import BlinkRate, blinks, eye_aspect_ratio
from tfg.metrics.expression import BLENDSHAPES, BlendshapeError
from tfg.metrics.head_motion import HeadJitter, HeadPoseError, angles, fit_rotations, jitter
from tfg.metrics.landmark import LandmarkDistance, MouthCorrelation
from tfg.types import FaceTrack

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]

METRICS: tuple[Metric, ...] = (
    LandmarkDistance(),
    MouthCorrelation(),
    HeadPoseError(),
    HeadJitter(),
    BlinkRate(),
    BlendshapeError(),
)


def pictures(name: str, start: int, stop: int) -> np.ndarray:
    return read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / name).source_frames(start, stop)


def compare(made: FaceTrack, true: FaceTrack) -> dict[str, Outcome]:
    still = np.zeros((len(made.num_faces), 4, 4, 3), np.uint8)
    video = scored_video(still, still, made_track=made, true_track=true)
    return {name: outcome for metric in METRICS for name, outcome in metric.conclude({}, video).items()}


def rows(track: FaceTrack, index: np.ndarray) -> FaceTrack:
    names = ("num_faces", "landmarks", "upper", "blendshapes", "head_rotation")
    return replace(track, **{name: getattr(track, name)[index] for name in names})


@pytest.fixture(scope="module")
def grid_pictures() -> np.ndarray:
    return pictures("grid_s1_79clips_237s.mp4", 0, 150)  # two sentences


@pytest.fixture(scope="module")
def grid(grid_pictures: np.ndarray) -> FaceTrack:
    return part("face/mediapipe").read(grid_pictures)


@pytest.fixture(scope="module")
def german() -> FaceTrack:
    return part("face/mediapipe").read(pictures("German_20s.mp4", 100, 200))


def test_truth_against_itself_is_perfect(grid: FaceTrack, german: FaceTrack) -> None:
    for track in (grid, german):
        found = {name: outcome.value for name, outcome in compare(track, track).items()}
        still_zero = ("lmd", "lmd_normalised", "mouth_lag", "head_pose_error", "blink_rate_difference")
        assert [found[name] for name in still_zero] == [0] * 5
        assert [found["blendshape_error_lower"], found["blendshape_error_upper"]] == [0, 0]
        assert [found["mouth_correlation"], found["head_jitter_ratio"]] == [1, 1]
        assert 0.1 < found["head_jitter"] < 1  # degrees per frame^2, of a living head and the reader's noise


def test_blinks_are_those_that_a_person_counted_on_the_pictures(grid: FaceTrack, german: FaceTrack) -> None:
    found = blinks(eye_aspect_ratio(grid.landmarks))
    counted = ((43, 44), (50, 54), (83, 83), (90, 91), (119, 120), (125, 127))  # frames with closed eyes
    assert len(found) == len(counted)
    for (first, stop), (closed, last) in zip(found, counted, strict=True):
        assert first <= last
        assert stop > closed
    assert [first + 100 for first, _ in blinks(eye_aspect_ratio(german.landmarks))] == [145]


def test_a_late_video_is_late_and_a_frozen_one_is_still(grid: FaceTrack) -> None:
    late = compare(rows(grid, np.clip(np.arange(150) - 4, 0, None)), grid)
    assert late["mouth_lag"].value == 4
    assert late["mouth_correlation"].value < 0.9
    assert late["blink_rate_difference"].value == 0
    frozen = compare(rows(grid, np.full(150, 40)), grid)
    assert frozen["mouth_correlation"].missing == "the mouth does not move in the prediction"
    assert (frozen["blink_rate"].value, frozen["head_jitter"].value) == (0, 0)
    assert frozen["blink_rate_difference"].value == pytest.approx(60)  # 6 in 6 seconds
    assert frozen["lmd"].value > 0.5
    assert frozen["blendshape_error_lower"].value > 0.005


def test_a_mirrored_video_keeps_lips_and_blinks_and_turns_the_head(grid_pictures: np.ndarray, grid: FaceTrack) -> None:
    mirrored = part("face/mediapipe").read(grid_pictures[:, :, ::-1])
    found = compare(mirrored, grid)
    assert found["mouth_correlation"].value > 0.95
    assert found["mouth_lag"].value == 0
    assert found["blink_rate_difference"].value <= 10  # one blink of six seconds
    assert 0.8 < found["head_jitter_ratio"].value < 1.25
    turn = np.degrees(
        np.linalg.norm(grid.head_rotation[:, [0], 2], axis=1).mean()
    )  # about the vertical, mirrored with it
    assert found["head_pose_error"].value == pytest.approx(2 * turn, rel=0.5)


def test_a_shaken_picture_raises_jitter_by_what_it_was_shaken(grid_pictures: np.ndarray, grid: FaceTrack) -> None:
    height, width = grid_pictures.shape[1:3]

    def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)

    shaken = part("face/mediapipe").read(np.stack([turned(p, (-1) ** i) for i, p in enumerate(grid_pictures[:40])]))
    found = compare(shaken, rows(grid, np.arange(40)))
    assert found["head_jitter"].value == pytest.approx(4, abs=0.7)  # +1, -1, +1 degree: second difference 4
    assert found["head_jitter_ratio"].value > 4
    assert found["head_pose_error"].value == pytest.approx(1, abs=0.4)


def test_rotations_fitted_to_landmarks_follow_the_readers_own(grid: FaceTrack, german: FaceTrack) -> None:
    for track in (grid, german):
        own = track.head_rotation.astype(np.float64)
        fitted = fit_rotations(track.landmarks, GENERIC_SHAPE)
        assert angles(fitted, own).mean() < 4  # degrees, mostly a constant turn between the two face shapes
        relative = angles(fitted @ fitted[50].T, own @ own[50].T)
        assert relative.mean() < 1.5
        ratio = np.nanmean(jitter(fitted)) / np.nanmean(jitter(own))
        assert 0.7 < ratio < 1.6


def test_blendshape_names_are_mediapipes(grid_pictures: np.ndarray) -> None:
    import mediapipe
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(assets.find("face_landmarker"))), output_face_blendshapes=True
    )
    picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(grid_pictures[0]))
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        shapes = landmarker.detect(picture).face_blendshapes[0]
    assert tuple(shape.category_name for shape in shapes) == BLENDSHAPES
    assert [shape.index for shape in shapes] == list(range(len(BLENDSHAPES)))
