"""The crop around the head, and gaps in a track."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.features.face.crop import locate, sample_frames
from tfg.features.face.gaps import fill_gaps, gap_reason
from tfg.types import Bytes, Clip, Crop, FaceTrack, Floats, InputError


class NoReader:
    def frames(self, start: int, stop: int, crop: Crop | None = None, size: int | None = None) -> Bytes:
        raise AssertionError("locate must not read the media")

    def audio(self) -> Floats:
        raise AssertionError("locate must not read the media")


def clip_of(width: int, height: int) -> Clip:
    crop = Crop(x=0, y=0, side=min(width, height))
    return Clip(
        path=Path("my.mp4"),
        name="my",
        digest="0",
        identity="0",
        num_frames=300,
        num_reference_frames=300,
        source_width=width,
        source_height=height,
        crop=crop,
        size=128,
        reader=NoReader(),
    )


def track_of(
    center: tuple[float, float], height: float, *, start: int = 0, count: int = 1, faces: int = 1
) -> FaceTrack:
    """A frontal face whose landmarks are `height` pixels tall, their box centred at `center`."""
    shape = GENERIC_SHAPE[:, :2]
    shape = (shape - (shape.min(axis=0) + shape.max(axis=0)) / 2) * (height / np.ptp(shape[:, 1]))
    landmarks = np.broadcast_to(shape + np.array(center), (count, 68, 2)).astype(np.float32)
    return FaceTrack(
        start=start,
        num_faces=np.full(count, faces),
        landmarks=landmarks if faces else np.full_like(landmarks, np.nan),
        upper=np.zeros((count, 7), np.float32),
        blendshapes=np.full((count, 52), np.nan, np.float32),
        head_rotation=np.broadcast_to(np.eye(3, dtype=np.float32), (count, 3, 3)).copy(),
    )


def lose(track: FaceTrack, rows: slice) -> FaceTrack:
    num_faces, landmarks, upper = track.num_faces.copy(), track.landmarks.copy(), track.upper.copy()
    num_faces[rows], landmarks[rows], upper[rows] = 0, np.nan, np.nan
    return replace(track, num_faces=num_faces, landmarks=landmarks, upper=upper)


def test_sampled_frames_are_spread_and_inside() -> None:
    assert sample_frames(24, 4) == [3, 9, 15, 21]
    assert sample_frames(2) == [0, 1]


def test_crop_of_a_still_head_is_two_and_a_fifth_faces_wide_and_leaves_room_for_hair() -> None:
    crop = locate(clip_of(1000, 1000), [track_of((500, 500), 100)])
    assert crop.side == 220
    assert crop.x == 390  # centred: 500 - 110
    assert crop.y == 362  # brows at 450, 0.88 of 100 above them


def test_crop_grows_with_the_motion_of_the_head() -> None:
    still = locate(clip_of(1000, 1000), [track_of((500, 500), 100)])
    moving = locate(clip_of(1000, 1000), [track_of((500, 480), 100), track_of((500, 520), 100, start=9)])
    assert moving.side == still.side + 40


def test_crop_stays_inside_the_picture_and_shrinks_to_it() -> None:
    beside = locate(clip_of(360, 288), [track_of((330, 250), 100)])
    assert (beside.x + beside.side, beside.y + beside.side) == (360, 288)
    tall = locate(clip_of(360, 200), [track_of((180, 100), 100)])
    assert (tall.y, tall.side) == (0, 200)


def test_crop_reaches_over_the_border_only_when_the_face_fills_the_picture() -> None:
    crop = locate(clip_of(360, 200), [track_of((180, 100), 150)])
    assert crop.side == 270  # 1.8 x 150
    assert crop.y == -35  # centred


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ([track_of((500, 500), 100, faces=0)], "no face in 1 frames"),
        ([track_of((500, 500), 100, start=50, faces=2)], r"2 faces in frame 50 \(2.0 s\)"),
        ([track_of((500, 500), 30)], "30 pixels"),
        ([track_of((500, 500), 99), *[track_of((0, 0), 99, faces=0)] * 2], "only 1 of 3"),
    ],
)
def test_a_clip_without_exactly_one_face_is_refused_with_the_remedy(tracks: list[FaceTrack], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        locate(clip_of(1000, 1000), tracks)
    assert str(caught.value).startswith("my.mp4: ")
    assert "\n" not in str(caught.value)


def test_short_gaps_are_interpolated_in_time() -> None:
    track = track_of((0, 0), 100, start=100, count=8)
    moved = replace(track, landmarks=track.landmarks + np.arange(8, dtype=np.float32)[:, None, None])
    filled = fill_gaps(lose(moved, slice(2, 7)))
    np.testing.assert_allclose(filled.landmarks, moved.landmarks, atol=1e-4)
    assert filled.num_faces.tolist() == [1] * 8


def test_a_gap_at_the_end_holds_the_last_face() -> None:
    track = track_of((10, 10), 100, count=4)
    filled = fill_gaps(lose(track, slice(2, 4)))
    np.testing.assert_array_equal(filled.landmarks, track.landmarks)


def test_a_long_gap_is_named() -> None:
    track = lose(track_of((0, 0), 100, start=50, count=20), slice(4, 10))
    assert gap_reason(lose(track_of((0, 0), 100, count=20), slice(4, 9))) is None
    reason = gap_reason(track)
    assert reason is not None
    assert "6 frames from frame 54 (2.2 s)" in reason
    with pytest.raises(InputError, match=r"my\.mp4: no face for 6 frames"):
        fill_gaps(track, where="my.mp4")
