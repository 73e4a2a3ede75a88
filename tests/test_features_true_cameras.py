"""Cameras of the ground truth in the place of fitted ones: exact, of both parts, and named in the head's identity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.parts import embedded_clip

from tfg import overrides, parts
from tfg.clip.read import read_clip
from tfg.clip.synthetic.generate import make_synthetic
from tfg.features.base import Masks
from tfg.features.portrait import Observed, Plate, portraits
from tfg.features.pose_fit import project
from tfg.features.true_cameras import check_cameras, true_cameras
from tfg.landmarks import NOSE_BRIDGE
from tfg.record.identity import LATER, kept
from tfg.types import Clip, Crop, InputError

FRAMES = 50


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    spec = embedded_clip(seconds=FRAMES / 25, size=64)
    return read_clip(make_synthetic(spec, tmp_path_factory.mktemp("clips")), size=64)


def test_the_rigid_face_falls_on_its_landmarks_in_every_frame(clip: Clip) -> None:
    fit = true_cameras(clip)
    cameras = fit.cameras
    given = (values.astype(np.float64) for values in (cameras.rotation, cameras.translation, fit.face_shape))
    placed = project(*given, cameras.focal) + 32
    with np.load(clip.sidecar) as truth:
        away = np.abs(placed - truth["landmarks"])[:, list(NOSE_BRIDGE)]
    assert away.max() < 0.01  # pixels
    assert fit.error_pixels < 0.5  # eye corners move with the lids


def test_a_larger_picture_has_a_longer_focal_length(clip: Clip) -> None:
    assert true_cameras(replace(clip, size=128)).cameras.focal == pytest.approx(2 * true_cameras(clip).cameras.focal)


def test_known_cameras_are_taken_by_frame_and_nothing_is_fitted(clip: Clip) -> None:
    known = true_cameras(clip)

    def part(frames: np.ndarray) -> Observed:
        count = len(frames)
        pictures, masks = np.zeros((count, 64, 64, 3), np.uint8), np.zeros((count, 64, 64), bool)
        return Observed(
            frames=frames,
            images=pictures,
            masks=Masks(head=masks, mouth=masks, torso=masks),
            background=pictures,
            plate=Plate(color=pictures[0].astype(np.float32), known=masks[0]),
            landmarks=np.full((count, 68, 2), np.nan, np.float32),  # which a fit would refuse
            upper=np.zeros((count, 7), np.float32),
            audio=np.zeros((count, 0), np.float32),
        )

    train, test, fit = portraits(part(np.arange(10, 20)), part(np.arange(40, 50)), 64, stabilise=False, known=known)
    np.testing.assert_array_equal(train.cameras.rotation, known.cameras.rotation[10:20])
    np.testing.assert_array_equal(test.cameras.translation, known.cameras.translation[40:])
    assert fit is known


def test_a_part_of_the_picture_or_a_clip_without_truth_is_one_line(clip: Clip) -> None:
    with pytest.raises(
        InputError, match=r"^clip.crop: clip.cameras=sidecar is of the whole picture; give clip.crop=full"
    ):
        true_cameras(replace(clip, crop=Crop(x=4, y=0, side=32)))
    with pytest.raises(InputError, match=r"which clip.cameras=sidecar reads; use clip.cameras=fitted$"):
        true_cameras(replace(clip, sidecar=None))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("true", "auto", "sidecar"), "clip.cameras=true: allowed are fitted, sidecar"),
        (
            ("sidecar", [0, 0, 9], "sidecar"),
            "clip.cameras=sidecar: is of the whole picture; leave out clip.crop=[0, 0, 9]",
        ),
        (
            ("sidecar", "auto", "mediapipe"),
            "clip.cameras=sidecar: is of clips with ground truth; give face=sidecar, or",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(given: tuple[object, object, str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        check_cameras(*given)
    assert str(caught.value).startswith(said)


def test_the_key_is_checked_with_the_others() -> None:
    with pytest.raises(InputError, match=r"^clip.cameras=none: allowed"):
        parts.check(overrides.composed(["trainer=cpu", "clip.cameras=none", "audio=logmel"]))


def test_fitted_cameras_leave_names_as_they_were_and_others_change_them() -> None:
    clip = {"size": 128, "crop": "auto"}
    assert LATER == {"clip.cameras": "fitted"}
    assert kept({"clip": {**clip, "cameras": "fitted"}}, str) == {"clip": clip}
    assert kept({"clip": {**clip, "cameras": "sidecar"}}, str) == {"clip": {**clip, "cameras": "sidecar"}}
