"""Ground truth beside a clip: face, cameras and masks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.parts import part

from tfg.features.masks.sidecar import cut
from tfg.types import Bytes, Clip, Crop, Floats, InputError

SIZE, NUM_FRAMES = 20, 6


class NoReader:
    def frames(self, start: int, stop: int, crop: Crop | None = None, size: int | None = None) -> Bytes:
        raise AssertionError("ground truth is not read from the media")

    def audio(self) -> Floats:
        raise AssertionError("ground truth is not read from the media")


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    rng = np.random.default_rng(0)
    head = np.zeros((NUM_FRAMES, SIZE, SIZE), bool)
    head[:, 4:12, 6:14] = True
    np.savez(
        tmp_path / "clip.npz",
        landmarks=rng.random((NUM_FRAMES, 68, 2)),
        upper=rng.random((NUM_FRAMES, 7)),
        rotation=np.stack([np.eye(3)] * NUM_FRAMES),
        translation=np.full((NUM_FRAMES, 3), 5.0),
        focal=50.0,
        size=SIZE,
        face_shape=rng.random((68, 3)),
        **{f"{name}_mask": np.packbits(head, axis=-1) for name in ("head", "mouth", "torso")},
    )
    return Clip(
        path=tmp_path / "clip.mp4",
        name="clip",
        digest="0",
        identity="0",
        num_frames=NUM_FRAMES,
        num_reference_frames=NUM_FRAMES,
        source_width=SIZE,
        source_height=SIZE,
        crop=Crop(x=0, y=0, side=SIZE),
        size=SIZE,
        reader=NoReader(),
        sidecar=tmp_path / "clip.npz",
    )


def test_the_track_is_the_rows_of_the_range(clip: Clip) -> None:
    assert clip.sidecar is not None
    truth = np.load(clip.sidecar)
    track = part("face/sidecar").extract(clip, 2, 5)
    np.testing.assert_allclose(track.landmarks, truth["landmarks"][2:5], rtol=1e-6)
    np.testing.assert_allclose(track.upper, truth["upper"][2:5], rtol=1e-6)
    assert track.start == 2
    assert track.num_faces.tolist() == [1, 1, 1]
    assert track.head_rotation.shape == (3, 3, 3)


def test_single_frames_are_the_rows_of_their_tracks(clip: Clip) -> None:
    face = part("face/sidecar")
    single, whole = face.sample(clip, [1, 4]), face.extract(clip, 0, NUM_FRAMES)
    assert single.start == 1
    assert (single.landmarks == whole.landmarks[[1, 4]]).all()
    assert (single.head_rotation == whole.head_rotation[[1, 4]]).all()


def test_masks_are_unpacked_and_follow_the_crop(clip: Clip) -> None:
    track = part("face/sidecar").extract(clip, 0, 1)
    masks = part("masks/sidecar").extract(clip, 1, 3, track)
    assert masks.head.shape == (2, SIZE, SIZE)
    assert masks.head[0, 4:12, 6:14].all()
    assert masks.head[0].sum() == 64
    zoomed = part("masks/sidecar").extract(replace(clip, crop=Crop(x=6, y=4, side=8), size=16), 1, 3, track)
    assert zoomed.head.all()
    beside = cut(masks.head, Crop(x=2, y=0, side=16), 16)
    assert beside[0, 4:12, 4:12].all()
    assert beside[0].sum() == 64
    half = cut(masks.head, Crop(x=0, y=0, side=SIZE), SIZE // 2)
    assert half[0, 2:6, 3:7].all()
    assert half[0].sum() == 16


def test_masks_that_exclude_each_other_still_do_at_another_size() -> None:
    left = np.random.default_rng(0).random((2, SIZE, SIZE)) > 0.5
    one, other = (cut(mask, Crop(x=0, y=0, side=SIZE), 32) for mask in (left, ~left))
    assert not (one & other).any()


def test_a_missing_or_foreign_sidecar_is_one_clear_line(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no ground truth beside it.*face=mediapipe"):
        part("face/sidecar").extract(replace(clip, sidecar=None), 0, 1)
    with pytest.raises(InputError, match=r"describes 6 frames of 20x20.*has 7"):
        part("face/sidecar").extract(replace(clip, num_frames=7), 0, 1)
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, values=np.zeros(3))
    with pytest.raises(InputError, match=r"foreign\.npz: is no sidecar"):
        part("masks/sidecar").extract(replace(clip, sidecar=foreign), 0, 1, part("face/sidecar").extract(clip, 0, 1))
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"text\.npz: is no sidecar"):
        part("face/sidecar").extract(replace(clip, sidecar=tmp_path / "text.npz"), 0, 1)
