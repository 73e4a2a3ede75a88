"""Rows of the nouns: some frames of a track or a portrait, everything in it cut alike; and sound in time with pictures."""

from pathlib import Path

import numpy as np
import pytest
from portraits import make_scene

from tfg.types import SAMPLES_PER_FRAME, Clip, Crop, FaceTrack, Frames, Piece, Segment


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


class Sound:
    """A reader of three frames of sound."""

    def audio(self):
        return np.arange(1, 3 * SAMPLES_PER_FRAME + 1, dtype=np.float32)


@pytest.mark.parametrize("late", [-2, 0, 1, 5])
def test_sound_that_is_late_or_early_is_mended(late):
    clip = Clip(
        path=Path("a.mp4"),
        name="a",
        digest="0",
        identity="0",
        num_frames=3,
        num_reference_frames=2,
        source_width=8,
        source_height=8,
        crop=Crop(x=0, y=0, side=8),
        size=8,
        reader=Sound(),
        sound_offset=late,
    )
    mended, file = clip.audio(), Sound().audio()
    assert len(mended) == len(file)
    for frame in range(3):
        samples = slice(frame * SAMPLES_PER_FRAME, (frame + 1) * SAMPLES_PER_FRAME)
        wanted = np.roll(file, -late * SAMPLES_PER_FRAME)[samples] if 0 <= frame + late < 3 else 0
        np.testing.assert_array_equal(mended[samples], np.broadcast_to(wanted, SAMPLES_PER_FRAME))


def test_a_segment_in_one_piece_has_a_start_and_one_of_several_has_frames_alone() -> None:
    one = Segment.whole(start=50, num_frames=3)
    assert (one.start, one.stop, one.num_frames, one.frames.tolist()) == (50, 53, 3, [50, 51, 52])
    several = Segment.joined([50, 10], 3)
    assert (several.numbers, several.num_frames) == (((10, 3), (50, 3)), 6)
    assert several.frames.tolist() == [10, 11, 12, 50, 51, 52]
    with pytest.raises(AssertionError, match="several pieces where one was expected"):
        _ = several.stop


def test_pieces_that_touch_are_one_so_that_the_same_frames_are_the_same_segment() -> None:
    assert Segment.joined([13, 10, 30], 3) == Segment(
        pieces=(Piece(start=10, num_frames=6), Piece(start=30, num_frames=3))
    )
    assert Segment.joined([0, 3], 3) == Segment.whole(start=0, num_frames=6)


@pytest.mark.parametrize("starts", [(0, 3), (5, 0), ()])
def test_pieces_that_touch_or_go_back_in_time_are_no_segment(starts: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError):
        Segment(pieces=tuple(Piece(start=start, num_frames=3) for start in starts))
