"""Sound put under real pictures at known offsets, and sound that does not belong there: what `tfg sync` must find, and must not.

Every setting and the rule of `sure` were fixed on TUNING. Of TESTING, correlations over the whole clips of German_20s, p03 and p04 had
been seen before that, no stretches. Of GRID, whose man is one of those the prior was learned from, only the held-out part is here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfg import overrides, parts
from tfg.clip.read import read_clip
from tfg.features.base import AudioExtractor
from tfg.features.sync.offset import SyncOffset, measure_offset
from tfg.features.sync.prior import SETTINGS, Prior, load_prior
from tfg.selection import features_of
from tfg.split import split
from tfg.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip, Floats

GRID = "grid_s1_79clips_237s.mp4"
TUNING = tuple(
    f"people/{name}"
    for name in ("p01.mp4", "p02a.mkv", "p02b.mkv", "p02c.mkv", "p02d.mp4", "p05.mkv", "p07.mp4", "p10.mp4")
)
TESTING = (
    *(
        f"people/{name}"
        for name in ("p03a.mkv", "p03b.mkv", "p04a.mkv", "p04b.mkv", "p06.mkv", "p08.mp4", "p09.mp4", "p11.mp4")
    ),
    "German_20s.mp4",
    GRID,
)
MOST_SHIFT = 8  # frames
STRIDE = 2.5  # seconds between the stretches of a clip, where it is short
MOST_STRETCHES = 8  # of one clip


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A clip's sound and landmarks, n frames."""

    name: str
    person: str
    audio: Floats  # (n * 640,)
    landmarks: Floats  # (n, 68, 2)


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A prior with the features it was learned for."""

    audio: AudioExtractor
    prior: Prior

    def measure(self, audio: Floats, landmarks: Floats) -> SyncOffset:
        """(n * 640,), (n, 68, 2): as a file of just these n frames."""
        return measure_offset(self.audio.extract(audio), landmarks, self.prior)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    footage: Footage
    start: int
    num_frames: int

    @property
    def landmarks(self) -> Floats:
        return self.footage.landmarks[self.start : self.start + self.num_frames]

    def audio(self, late: int = 0) -> Floats:
        """The sound `late` frames later than it was, as far as the clip has it; silence beyond."""
        first = (self.start - late) * SAMPLES_PER_FRAME
        rows = np.arange(first, first + self.num_frames * SAMPLES_PER_FRAME)
        inside = (rows >= 0) & (rows < len(self.footage.audio))
        sound = self.footage.audio[np.clip(rows, 0, len(self.footage.audio) - 1)]
        return np.where(inside, sound, 0).astype(np.float32)


def listener(features: str) -> Listener:
    settings = [f"audio.{key}={value}" for key, value in SETTINGS[features].items()]
    audio = parts.construct(overrides.composed([f"audio={features}", *settings, "trainer=cpu"]).audio, "audio")
    return Listener(audio=audio, prior=load_prior(features))


def footage(name: str) -> Footage:
    """A video of TFG_ASSETS, its faces read by MediaPipe through the cache."""
    clip = read_clip(Path(os.environ["TFG_ASSETS"]) / "video" / name)
    face = parts.construct(overrides.composed(["face=mediapipe", "trainer=cpu"]).face, "face")
    first = _first_frame(clip) if name == GRID else 0
    landmarks = features_of(None, face, None, clip).track(first, clip.num_frames).landmarks
    audio = clip.audio()[first * SAMPLES_PER_FRAME :]
    return Footage(name=clip.name, person=clip.name[:3], audio=audio, landmarks=landmarks)


def _first_frame(clip: Clip) -> int:
    return split(clip, "1/11").num_reference_frames


def stretches(clips: list[Footage], seconds: float) -> list[Stretch]:
    """Of each clip as many as STRIDE allows, at most MOST_STRETCHES, evenly over it."""
    frames = round(seconds * FPS)
    found = []
    for clip in clips:
        room = len(clip.landmarks) - frames
        if room >= 0:
            count = min(MOST_STRETCHES, 1 + int(room / (STRIDE * FPS)))
            found += [Stretch(footage=clip, start=int(at), num_frames=frames) for at in np.linspace(0, room, count)]
    return found


def shifted(stretch: Stretch, rng: np.random.Generator) -> tuple[int, Floats]:
    """A known offset of -8 to 8 frames, and the stretch's sound with it."""
    late = int(rng.integers(-MOST_SHIFT, MOST_SHIFT + 1))
    return late, stretch.audio(late)


def foreign(places: list[Stretch], count: int, rng: np.random.Generator) -> Iterator[tuple[Stretch, Floats]]:
    """Pictures of one person under speech of another."""
    for _ in range(count):
        place = places[rng.integers(len(places))]
        others = [other for other in places if other.footage.person != place.footage.person]
        yield place, others[rng.integers(len(others))].audio()


def without_speech(
    places: list[Stretch], count: int, rng: np.random.Generator, kind: str
) -> Iterator[tuple[Stretch, Floats]]:
    """Pictures under `silence` or `music`."""
    for _ in range(count):
        place = places[rng.integers(len(places))]
        samples = place.num_frames * SAMPLES_PER_FRAME
        yield place, music(samples, rng) if kind == "music" else silence(samples, rng)


def silence(samples: int, rng: np.random.Generator) -> Floats:
    """Digital silence, or a room's noise from -80 to -40 dB of full scale, white or brown, half of it with mains hum."""
    if rng.random() < 0.2:
        return np.zeros(samples, np.float32)
    noise = rng.standard_normal(samples)
    if rng.random() < 0.5:
        noise = np.cumsum(noise)
        noise -= np.convolve(noise, np.ones(1601) / 1601, "same")
    noise /= noise.std()
    if rng.random() < 0.5:
        noise += np.sin(2 * np.pi * 50 * np.arange(samples) / SAMPLE_RATE)
    return (noise * 10 ** (rng.uniform(-80, -40) / 20)).astype(np.float32)


def music(samples: int, rng: np.random.Generator) -> Floats:
    """Notes of a pentatonic scale with decaying overtones, in chords on the beat, a melody between them, and in most pieces drums."""
    beat = SAMPLE_RATE * 60 / rng.uniform(70, 150)
    root, drums = rng.uniform(110, 220), rng.random() < 0.7
    scale = root * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
    sound = np.zeros(samples + SAMPLE_RATE * 2)
    for number, place in enumerate(np.arange(0, samples, beat / 2).astype(int)):
        if number % 2 == 0:
            for pitch in rng.choice(scale, 3, replace=False):
                sound[place : place + SAMPLE_RATE] += 0.4 * _note(pitch, rng)
            if drums:
                hit = rng.standard_normal(3200) * np.exp(-np.arange(3200) / 500)
                sound[place : place + 3200] += 0.7 * hit
        if rng.random() < 0.7:
            sound[place : place + SAMPLE_RATE] += _note(2 * rng.choice(scale), rng)
    return (0.5 * sound[:samples] / np.abs(sound[:samples]).max()).astype(np.float32)


def _note(pitch: float, rng: np.random.Generator) -> np.ndarray:
    """One second."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    overtones = sum(np.sin(2 * np.pi * pitch * k * time) / k ** rng.uniform(1, 2) for k in range(1, 7))
    return np.asarray(overtones * np.minimum(time / 0.01, 1) * np.exp(-time * rng.uniform(2, 8)))
