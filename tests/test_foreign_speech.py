"""A head that speaks what is not its own: all sounds are cut alike, and lips are scored with the sound that drove them."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import foreign_speech as experiment
from tfg.foreign_speech import OWN, OwnListener, cut, rows
from tfg.metrics.curve import MAX_OFFSET
from tfg.metrics.listener.fitted import NoListener
from tfg.metrics.listener.metric import ListenerSync
from tfg.types import SAMPLES_PER_FRAME, FaceTrack, Floats

FRAMES = 200


class Perfect:
    """A listener that compares the first landmark's x with the mean of the frame's sound, at every offset."""

    definition = "compares numbers"

    def distances(self, sound: Floats, landmarks: Floats) -> np.ndarray:
        told, count = landmarks[:, 0, 0], len(landmarks)
        found = np.full((count, 2 * MAX_OFFSET + 1), np.nan)
        for frame in range(MAX_OFFSET, count - MAX_OFFSET):
            near = sound[frame - MAX_OFFSET : frame + MAX_OFFSET + 1, 0]
            found[frame] = np.minimum(np.abs(told[frame] - near), 1.0)
        return found


def sound_of(seed: int) -> Floats:
    """A level a frame, its own."""
    levels = np.random.default_rng(seed).uniform(0, 1, FRAMES).astype(np.float32)
    return np.repeat(levels, SAMPLES_PER_FRAME)


def lips_of(sound: Floats, share: float = 1.0) -> FaceTrack:
    """Lips that say this share of the sound."""
    track = FaceTrack.empty(0, FRAMES)
    landmarks = np.zeros((FRAMES, 68, 2), np.float32)
    landmarks[:, 0, 0] = share * sound[::SAMPLES_PER_FRAME] + (1 - share) * 0.5
    object.__setattr__(track, "landmarks", landmarks)
    return track


def listener(listener: object) -> OwnListener:
    def levels(sound: Floats) -> Floats:
        return sound[::SAMPLES_PER_FRAME, None]

    class Reader:
        definition, is_guided = "given", False

    metric = ListenerSync(listener=listener, sound_features=levels)  # type: ignore[arg-type]
    return OwnListener(reader=Reader(), metric=metric, guide=np.zeros((FRAMES, 68, 2), np.float32))  # type: ignore[arg-type]


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> OwnListener:
    monkeypatch.setattr("tfg.metrics.listener.metric.FittedListener", Perfect)
    return listener(Perfect())


def test_lips_are_scored_with_the_sound_that_drove_them(perfect: OwnListener) -> None:
    """Lips that say all of either sound have a share near 1 with it and near 0 with the other; half of it, half the share."""
    sounds = {OWN: sound_of(0), "voice": sound_of(1), "mumbled": sound_of(2)}
    lips = {OWN: lips_of(sounds[OWN]), "voice": lips_of(sounds["voice"]), "mumbled": lips_of(sounds["mumbled"], 0.5)}
    true = {OWN: lips_of(sounds[OWN]), "voice": lips_of(sounds[OWN])}
    found = {row["sound"]: row for row in rows(perfect, sounds, lips, mute=lips_of(sounds[OWN], 0.0), true=true)}
    assert [found[name]["offset"] for name in sounds] == [0, 0, 0]
    assert found[OWN]["share"] == pytest.approx(1.0)
    assert found["voice"]["share"] == pytest.approx(1.0, abs=0.1)
    assert 0.2 < found["mumbled"]["share"] < 0.8
    for name in (OWN, "voice"):
        assert abs(found[name]["wrong_share"]) < 0.25
    assert (found[OWN]["wrong_sound"], found["voice"]["wrong_sound"]) == ("voice", OWN)
    assert found["voice"]["their_share"] < 0.25  # lips of somebody who said something else
    assert found["mumbled"]["their_share"] is None


def test_a_person_without_a_listener_has_a_reason_and_no_number() -> None:
    sounds = {OWN: sound_of(0), "voice": sound_of(1)}
    lips = {name: lips_of(sound) for name, sound in sounds.items()}
    found = rows(listener(NoListener(reason="too few")), sounds, lips, mute=lips[OWN], true={OWN: lips[OWN]})
    assert [(row["share"], row["sync"], row["unavailable"]) for row in found] == [(None, None, "too few")] * 2


def test_sounds_are_cut_to_the_whole_frames_of_the_shortest() -> None:
    made = cut({"a": np.zeros(5 * SAMPLES_PER_FRAME + 7, np.float32), "b": np.zeros(9 * SAMPLES_PER_FRAME, np.float32)})
    assert {name: len(sound) for name, sound in made.items()} == dict.fromkeys("ab", 5 * SAMPLES_PER_FRAME)


def test_nobody_hears_their_own_voice_as_another_s() -> None:
    for person in experiment.PEOPLE:
        given = experiment.voices(person)
        assert tuple(given) == (*experiment.VOICES, experiment.LANGUAGE)
        assert person not in given.values()
        assert len(set(given.values())) == len(given)
        assert (given[experiment.LANGUAGE] == experiment.GERMAN) == (person != experiment.GERMAN)
