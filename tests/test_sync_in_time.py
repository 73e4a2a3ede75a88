"""Whether a run moves the sound of its clip: only where the configuration says so, or a measurement is sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from tfg import sync
from tfg.features.sync.offset import SyncOffset
from tfg.parts import sound_offset
from tfg.types import InputError


@dataclass(frozen=True)
class FakeClip:
    """What `in_time` looks at."""

    sidecar: str | None = None
    sound_offset: int = 0


def config(offset: object) -> Any:
    return OmegaConf.create({"clip": {"sound_offset": offset}})


def measured(monkeypatch: pytest.MonkeyPatch, *, frames: int, sure: bool) -> None:
    found = SyncOffset(offset_frames=frames, sure=sure, confidence=5.0 if sure else 1.0, frames=400, features="logmel")
    monkeypatch.setattr(sync, "clip_offset", lambda clip, face: found)


def test_a_sure_offset_is_mended_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, frames=5, sure=True)
    clip, found = sync.in_time(config("auto"), FakeClip(), None)
    assert clip.sound_offset == 5
    assert found.notes()["sound_offset"] == 5
    assert found.notes()["measured"]["offset_frames"] == 5
    assert found.text().startswith("the sound is moved by -5 frames: sound 5 frames (200 ms) late: sure")


def test_an_unsure_offset_is_recorded_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, frames=5, sure=False)
    clip, found = sync.in_time(config("auto"), FakeClip(), None)
    assert clip.sound_offset == 0
    assert found.notes()["measured"]["sure"] is False
    assert found.text().startswith("the sound is left as it is: no offset is sure (")


def test_one_frame_is_no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, frames=1, sure=True)
    assert sync.in_time(config("auto"), FakeClip(), None)[1].text().startswith("the sound is moved by -1 frame: ")


@dataclass(frozen=True)
class SilentClip:
    """Ten seconds without speech, of which no face may be read."""

    num_reference_frames: int = 250

    def audio(self) -> np.ndarray:
        return 1e-3 * np.random.default_rng(0).standard_normal(250 * 640).astype(np.float32)


def test_without_speech_nothing_is_measured_and_no_face_is_read() -> None:
    found = sync.clip_offset(SilentClip(), None)
    assert (found.offset_frames, found.sure, found.reason) == (0, False, "no speech in its sound")
    assert found.text() == "not measured: no speech in its sound"


def test_a_given_offset_and_a_clip_of_our_own_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "clip_offset", lambda clip, face: pytest.fail("measured"))
    assert sync.in_time(config(-3), FakeClip(sound_offset=-3), None)[1].offset == -3
    assert sync.in_time(config("auto"), FakeClip(sidecar="a.npz"), None)[1].offset == 0


@pytest.mark.parametrize("given", ["late", 16, -16, 1.5, True, None])
def test_any_other_offset_is_refused_by_its_key(given: object) -> None:
    with pytest.raises(InputError, match=r"clip\.sound_offset=.*: give auto, or the frames"):
        sound_offset(given)
