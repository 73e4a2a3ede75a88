"""The embedded listener on real speech: what it must hear in the held-out part of the GRID clip, read by MediaPipe."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support.parts import part

from tfg.clip.read import read_clip
from tfg.features.face.crop import locate, sample_frames
from tfg.metrics.listener.features import log_mel
from tfg.metrics.listener.fit import WINDOW
from tfg.metrics.listener.fitted import FittedListener, ListenerUnavailable
from tfg.metrics.listener.reliability import reliability
from tfg.split import split
from tfg.types import SAMPLES_PER_FRAME, Floats

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A listener with the part of its clip that it was not fitted on, n frames."""

    listener: FittedListener
    audio: Floats  # (n * 640,)
    landmarks: Floats  # (n, 68, 2) source pixels
    small: Floats  # (n, 68, 2) read off pictures of 128 pixels
    fitted_audio: Floats

    def score(self, audio: Floats | None = None, landmarks: Floats | None = None):
        sound = log_mel(self.audio if audio is None else audio)
        return self.listener.score(sound, self.landmarks if landmarks is None else landmarks)


def fit(name: str) -> Held:
    clip = split(read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / name), "1/11")
    face = part("face/mediapipe")
    points = face.extract(clip, 0, clip.num_frames).landmarks
    stop = clip.num_reference_frames
    crop = locate(clip, [face.extract(clip, f, f + 1) for f in sample_frames(stop)])
    small = face.read(replace(clip, crop=crop, size=128).frames(stop, clip.num_frames)).landmarks
    fitted, held = np.split(clip.audio(), [stop * SAMPLES_PER_FRAME])
    listener = FittedListener.fit(log_mel(fitted), points[:stop])
    return Held(listener=listener, audio=held, landmarks=points[stop:], small=small, fitted_audio=fitted)


@pytest.fixture(scope="module")
def grid() -> Held:
    return fit("grid_s1_79clips_237s.mp4")


def test_unseen_truth_is_in_sync_and_told_from_shifted_speech(grid: Held) -> None:
    assert len(grid.landmarks) == 539  # 21.5 s
    assert grid.score().offset == 0
    measured = reliability([grid.listener.distances(log_mel(grid.audio), grid.landmarks)], WINDOW)
    assert measured is not None
    assert measured.auc_window_frames == 5
    assert measured.auc >= 0.85  # of single windows
    assert measured.auc_second >= 0.97
    assert measured.offset_found_share >= 0.8
    assert grid.listener.reliability.auc == pytest.approx(measured.auc, abs=0.03)  # what the definition promises


@pytest.mark.parametrize("frames", [4, 8])
def test_delayed_sound_is_found(grid: Held, frames: int) -> None:
    late = np.concatenate([np.zeros(frames * SAMPLES_PER_FRAME, np.float32), grid.audio])[: len(grid.audio)]
    curve = grid.score(late)
    assert abs(curve.offset + frames) <= 1
    assert curve.confidence > 0.8 * grid.score().confidence


def test_foreign_sound_and_a_frozen_mouth_have_little_confidence(grid: Held) -> None:
    """Sentences of GRID start every 3 s, so that some foreign stretches do open their mouths near the same time."""
    truth = grid.score().confidence
    starts = np.arange(0, len(grid.fitted_audio) - len(grid.audio), 331 * SAMPLES_PER_FRAME)
    foreign = [grid.score(grid.fitted_audio[start : start + len(grid.audio)]).confidence for start in starts]
    assert len(foreign) == 15
    assert np.median(foreign) < 0.25 * truth
    assert max(foreign) < 0.45 * truth
    frozen = np.repeat(grid.landmarks[:1], len(grid.landmarks), axis=0)
    assert grid.score(landmarks=frozen).confidence < 0.03 * truth


def test_small_pictures_and_jitter_cost_little(grid: Held) -> None:
    truth = grid.score()
    small = grid.score(landmarks=grid.small)
    noise = 0.5 * np.random.default_rng(0).standard_normal(grid.landmarks.shape).astype(np.float32)  # pixels
    jittered = grid.score(landmarks=grid.landmarks + noise)
    assert (small.offset, jittered.offset) == (0, 0)
    assert small.confidence > 0.85 * truth.confidence
    assert 0.75 * truth.confidence < jittered.confidence < truth.confidence


def test_eighteen_seconds_are_enough_for_a_listener() -> None:
    news = fit("German_20s.mp4")
    assert news.listener.reliability.auc > 0.8
    assert news.listener.reliability.auc_second > 0.95
    with pytest.raises(ListenerUnavailable, match="here are 12 windows of 46 frames"):
        news.score()
