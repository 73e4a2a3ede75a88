"""Facts of what features cost: the same from the cache or not, faces apart from masks, an entry once, given faces are said."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tfg.features.base import Masks
from tfg.features.clip_features import ClipFeatures
from tfg.types import Crop, FaceTrack, Floats

FRAMES, SIZE = 200, 8


def busy(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@dataclass(frozen=True, kw_only=True)
class Audio:
    name: str = "logmel"

    def extract(self, audio: Floats) -> Floats:
        busy(0.1)
        return np.zeros((FRAMES, 2), np.float32)


@dataclass(frozen=True, kw_only=True)
class Faces:
    name: str = "mediapipe"

    def extract(self, clip: Any, start: int, stop: int) -> FaceTrack:
        busy(0.004 * (stop - start))
        return FaceTrack.empty(start, stop - start)


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    name: str = "mediapipe"

    def extract(self, clip: Any, start: int, stop: int, track: FaceTrack) -> Masks:
        assert (track.start, len(track.num_faces)) == (start, stop - start)
        busy(0.002 * (stop - start))
        none = np.zeros((stop - start, SIZE, SIZE), bool)
        return Masks(head=none, mouth=none, torso=none)


def features(root: Path, face: str = "mediapipe") -> ClipFeatures:
    clip: Any = SimpleNamespace(
        digest="d",
        sound_offset=0,
        name="clip",
        num_frames=FRAMES,
        size=SIZE,
        sidecar=None,
        crop=Crop(x=0, y=0, side=8),
        audio=lambda: np.zeros(9),
    )
    return ClipFeatures(clip=clip, audio=Audio(), face=Faces(name=face), masks=Segmenter(), root=root)


def test_a_cost_is_the_same_when_everything_was_cached(tmp_path: Path) -> None:
    costs = []
    for _ in range(2):
        made = features(tmp_path)
        with made.costing() as cost:
            made.sound()
            made.track(10, 60)
            made.track(30, 60)
        costs.append(cost)
    first, again = costs
    # Two chunks of 25 frames are computed for frames 10 to 49, a third for 50 to 59.
    assert first.cold.processor_seconds == pytest.approx(0.1 + 75 * 0.004, abs=0.05)
    assert again.cold.processor_seconds == pytest.approx(first.cold.processor_seconds, abs=0.05)
    assert first.frames == again.frames == 50
    assert (dict(first.extracted), dict(first.cached)) == ({"audio": 200, "faces": 50}, {})
    assert (dict(again.extracted), dict(again.cached)) == ({}, {"audio": 200, "faces": 50})
    assert again.notes()["cached_frames"] == {"audio": 200, "faces": 50}


def test_masks_cost_what_they_cost_without_the_faces(tmp_path: Path) -> None:
    with (made := features(tmp_path)).costing() as cost:
        made.mask(0, 50)
    assert cost.cold.processor_seconds == pytest.approx(50 * (0.004 + 0.002), abs=0.05)
    made.track(0, 50)
    with made.costing() as faces_there:
        made.mask(0, 50)
    assert faces_there.cold.processor_seconds == pytest.approx(cost.cold.processor_seconds, abs=0.05)


def test_what_a_block_before_counted_does_not_count_again(tmp_path: Path) -> None:
    made = features(tmp_path)
    with made.costing() as training_part:
        made.sound()
        made.track(0, 50)
    with made.costing(after=training_part) as held_out:
        made.sound()
        made.track(40, 75)
    assert held_out.cold.processor_seconds == pytest.approx(25 * 0.004, abs=0.05)
    assert dict(held_out.extracted) == {"faces": 25}


def test_given_faces_are_said_and_those_not_used_too(tmp_path: Path) -> None:
    with (made := features(tmp_path, face="sidecar")).costing() as cost:
        made.sound()
    assert cost.summary()["faces"] == "not used"
    with made.costing() as cost:
        made.track(0, 25)
    assert cost.summary()["faces"] == "given by the sidecar"
    with (read := features(tmp_path)).costing() as cost:
        read.track(0, 25)
    assert cost.summary()["faces"] == "read by mediapipe"
    assert cost.notes()["masks"] == "not used"
