"""What `clip.size` stands for: as given, or (auto) the largest of 128, 256, 512 that the face crop has; no name without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from omegaconf import DictConfig
from test_features_face_crop import clip_of, track_of

from tfg import overrides, parts, picture_size, sizing
from tfg.features.face.crop import NUM_SAMPLES
from tfg.features.portrait import frame_face
from tfg.record.identity import run_science
from tfg.selection import features_of
from tfg.types import Clip, FaceTrack, InputError


@dataclass(frozen=True)
class StillFace:
    """A face of `height` pixels from brows to chin in the middle of every picture; 0: no face. Its crop is 2.2 times as wide."""

    height: float
    name: str = "mediapipe"
    read: ClassVar[list[int]] = []  # no setting of it

    def sample(self, clip: Clip, frames: list[int]) -> FaceTrack:
        self.read.extend(frames)
        center = (clip.source_width / 2, clip.source_height / 2)
        return track_of(center, self.height or 100, start=frames[0], count=len(frames), faces=int(self.height > 0))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., DictConfig]:
    """A configuration of a video of these pixels with a face of this height, which is not opened."""
    monkeypatch.setenv("TFG_CACHE", str(tmp_path))
    StillFace.read.clear()

    def make(width: int, height: int, face: float, *given: str) -> DictConfig:
        clip = replace(clip_of(width, height), digest=f"{width} {height} {face}")
        reader = StillFace(face)
        monkeypatch.setattr(parts, "open_clip", lambda config: clip)
        monkeypatch.setattr(parts, "construct", lambda settings, key, **values: reader)
        return overrides.composed(["clip.path=my.mp4", "face=mediapipe", *given])

    return make


@pytest.mark.parametrize(
    ("side", "pixels"),
    [(104.0, 128), (128.0, 128), (255.9, 128), (256.0, 256), (430.0, 256), (512.0, 512), (900.0, 512)],
)
def test_the_largest_size_that_the_crop_has_is_taken(side: float, pixels: int) -> None:
    taken = picture_size.of_side(side)
    assert taken.pixels == pixels
    assert taken.why.startswith(f"face crop is {side:.0f} px wide: {pixels} px")
    assert ("enlarged" in taken.why) == (side < 128)


@pytest.mark.parametrize(
    ("picture", "face", "given", "pixels"),
    [
        ((1280, 720), 250, [], 512),  # a crop of 550
        ((1280, 720), 200, [], 256),  # of 440
        ((1280, 720), 70, [], 128),
        ((360, 288), 150, [], 256),  # the picture ends before the head does
        ((360, 288), 50, [], 128),
        ((1280, 720), 200, ["clip.crop=full"], 512),
        ((1280, 720), 200, ["clip.crop=[0,0,140]"], 128),
        ((1280, 720), 70, ["trainer=gpu"], 128),  # on any device
        ((1280, 720), 70, ["clip.size=300"], 300),
    ],
)
def test_a_video_has_the_size_of_its_crop(shown: Any, picture: Any, face: float, given: list[str], pixels: int) -> None:
    config = shown(*picture, face, *given)
    assert sizing.taken(config).pixels == pixels
    sized = sizing.sized(config)
    assert (sized.clip.size, sized.clip.path) == (pixels, "my.mp4")


def test_the_embedded_clip_is_small_on_any_device_unless_told() -> None:
    for profile in ("cpu", "gpu"):
        assert sizing.taken(overrides.composed([f"trainer={profile}"])).pixels == 128
    assert parts.embedded(overrides.composed(["clip.size=512"])).size == 512


def test_a_clip_without_a_face_is_refused(shown: Any) -> None:
    with pytest.raises(InputError, match=r"^my.mp4: no face in 12 frames spread over the clip"):
        sizing.sized(shown(1280, 720, 0))


def test_faces_are_read_once_for_size_and_crop(shown: Any) -> None:
    config = shown(1280, 720, 250)
    clip, reader = parts.open_clip(config), parts.construct(config.face, "face")
    sizing.sized(config)
    assert len(reader.read) == NUM_SAMPLES
    assert frame_face(features_of(None, reader, None, clip), "auto").clip.crop.side == pytest.approx(550, abs=1)
    assert sizing.sized(config).clip.size == 512
    assert len(reader.read) == NUM_SAMPLES


def test_a_found_size_has_the_name_of_the_same_size_given() -> None:
    found, given = overrides.composed([]), overrides.composed(["clip.size=128"])
    assert parts.run_folder(found) == parts.run_folder(given) == parts.run_folder(sizing.sized(found))
    assert parts.run_folder(given) != parts.run_folder(overrides.composed(["clip.size=256"]))


def test_a_video_has_no_name_before_its_size_is_known(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"clip.size=auto has no name"):
        parts.run_folder(overrides.composed(["clip.path=my.mp4"]))


def test_the_profile_does_not_name_a_size() -> None:
    cpu, gpu = (parts.plain(overrides.composed([f"trainer={name}", "clip.size=256"])) for name in ("cpu", "gpu"))
    assert "size" not in cpu["trainer"]
    assert "size" not in gpu["trainer"]
    assert run_science(cpu, "clip", str)["clip"]["size"] == run_science(gpu, "clip", str)["clip"]["size"] == 256


@pytest.mark.parametrize("given", ["big", 301, 16, 2048, None, 128.0, True, "128"])
def test_what_is_no_size_is_refused(given: object) -> None:
    with pytest.raises(
        InputError, match=rf"^clip.size={given}: give auto, or an even number of pixels from 32 to 1024"
    ):
        picture_size.check(given)


def test_small_pictures_take_one_thread_and_large_ones_all() -> None:
    from tfg.threads import count_of

    assert [count_of("auto", size) for size in (128, 256, 512)] == [1, 1, None]
    assert [count_of(setting, 512) for setting in (1, 3, None)] == [1, 3, None]
