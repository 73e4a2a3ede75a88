"""MediaPipe's Face Landmarker on real people."""

import os
from pathlib import Path

import numpy as np
import pytest
from support.parts import part

from tfg.clip.read import read_clip
from tfg.features.face.crop import locate, sample_frames
from tfg.landmarks import eye_distance, mouth_opening
from tfg.types import Clip, InputError

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]


@pytest.fixture(scope="module")
def grid() -> Clip:
    return read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / "grid_s1_79clips_237s.mp4")


def test_one_face_in_every_frame_and_the_same_whatever_the_range(grid: Clip) -> None:
    face = part("face/mediapipe")
    track = face.extract(grid, 60, 140)
    assert track.num_faces.tolist() == [1] * 80
    alone = face.extract(grid, 75, 80)
    np.testing.assert_array_equal(alone.landmarks, track.landmarks[15:20])
    np.testing.assert_array_equal(alone.blendshapes, track.blendshapes[15:20])
    assert ((track.upper >= 0) & (track.upper <= 1)).all()
    assert 50 < np.median(eye_distance(track.landmarks)) < 90  # pixels; the face is about 104 px wide
    assert np.ptp(mouth_opening(track.landmarks, "eyes")) > 0.05  # he speaks
    frontal = np.degrees(np.arccos(np.clip((np.trace(track.head_rotation, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert frontal.max() < 25


def test_single_frames_are_the_rows_of_their_tracks(grid: Clip) -> None:
    face = part("face/mediapipe")
    single, whole = face.sample(grid, [12, 3]), face.extract(grid, 0, 13)
    assert (single.landmarks == whole.landmarks[[12, 3]]).all()
    assert (single.head_rotation == whole.head_rotation[[12, 3]]).all()


def test_the_crop_of_a_real_clip_holds_the_face_inside_the_picture(grid: Clip) -> None:
    face = part("face/mediapipe")
    samples = [face.extract(grid, frame, frame + 1) for frame in sample_frames(grid.num_frames, 5)]
    crop = locate(grid, samples)
    assert 220 < crop.side <= 288
    assert 0 <= crop.x <= grid.source_width - crop.side
    points = np.concatenate([track.landmarks for track in samples])
    assert (points > [crop.x, crop.y]).all()
    assert (points < [crop.x + crop.side, crop.y + crop.side]).all()


def test_pictures_without_a_face_are_nan_rows_and_two_people_are_counted(grid: Clip) -> None:
    picture = grid.source_frames(0, 1)
    face = part("face/mediapipe")
    both = np.concatenate([picture, picture[:, :, ::-1]], axis=2)
    assert face.read(both).num_faces.tolist() == [2]
    track = face.read(np.zeros_like(picture))
    assert track.num_faces.tolist() == [0]
    assert np.isnan(track.landmarks).all()
    with pytest.raises(InputError, match="no face"):
        locate(grid, [track])
