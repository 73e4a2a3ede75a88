"""`tfg sync` on people that neither its prior nor its settings were made with: ten seconds each, as files of their own."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks import sync_trials as trials
from benchmarks.sync import errors, whole_clips
from benchmarks.sync_trials import Footage, Listener

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        "TFG_ASSETS" not in os.environ, reason="TFG_ASSETS is unset: no real videos, no MediaPipe weights"
    ),
]

SECONDS = 10.0


@pytest.fixture(scope="module")
def clips() -> list[Footage]:
    return [trials.footage(name) for name in trials.TESTING]


@pytest.fixture(scope="module")
def whisper() -> Listener:
    return trials.listener("whisper")


def test_known_offsets_of_ten_seconds_are_found_and_mostly_sure(clips: list[Footage], whisper: Listener) -> None:
    found = errors(clips, whisper, whole_clips(clips, whisper), SECONDS)
    right = [abs(each.error) <= 1 for each in found]
    assert len(found) >= 40
    assert len({clip.person for clip in clips}) >= 6
    assert np.mean(right) >= 0.95
    assert np.mean([each.sure for each in found]) > 0.5
    assert all(one for one, each in zip(right, found, strict=True) if each.sure)


@pytest.mark.parametrize("features", ["whisper", "logmel"])
def test_at_most_one_in_twenty_sounds_that_do_not_belong_is_sure(clips: list[Footage], features: str) -> None:
    listener, rng = trials.listener(features), np.random.default_rng(1)
    places = trials.stretches(clips, SECONDS)
    drawn = [
        *trials.foreign(places, 60, rng),
        *trials.without_speech(places, 20, rng, "music"),
        *trials.without_speech(places, 20, rng, "silence"),
    ]
    assert sum(listener.measure(audio, place.landmarks).sure for place, audio in drawn) <= 5
