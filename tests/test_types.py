"""Rows of the nouns: some frames of a track or a portrait, everything in it cut alike."""

import numpy as np
from portraits import make_scene

from tfg.types import FaceTrack, Frames


def test_a_portraits_rows_cut_every_frame_and_leave_the_face_shape() -> None:
    portrait = make_scene(num_frames=68, size=8).portrait  # as many frames as landmarks
    cut = portrait.rows(10, 14)
    assert cut.frames.tolist() == [10, 11, 12, 13]
    assert cut.images.shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(cut.landmarks, portrait.landmarks[10:14])
    np.testing.assert_array_equal(cut.cameras.rotation, portrait.cameras.rotation[10:14])
    assert (cut.cameras.focal, cut.cameras.size) == (portrait.cameras.focal, 8)
    np.testing.assert_array_equal(cut.face_shape, portrait.face_shape)
    twice = portrait.take(np.array([3, 3, 1]))
    assert twice.frames.tolist() == [3, 3, 1]
    np.testing.assert_array_equal(twice.cameras.translation[:2], portrait.cameras.translation[[3, 3]])


def test_a_tracks_rows_move_its_first_frame() -> None:
    track = FaceTrack.empty(100, 20).rows(5, 9)
    assert (track.start, len(track.num_faces), track.head_rotation.shape) == (105, 4, (4, 3, 3))


def test_frames_have_rows() -> None:
    frames = Frames(frames=np.arange(5), images=np.zeros((5, 2, 2, 3), np.uint8)).rows(1, 3)
    assert frames.frames.tolist() == [1, 2]
    assert len(frames.images) == 2
