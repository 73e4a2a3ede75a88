"""The voice of the embedded clip and its mouth: sentences, sound, phonemes, visemes, co-articulated mouth parameters."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import cos, exp, sin, smoothed, snapped, uniform
from tfg.clip.synthetic.espeak import Utterance, Voice, speak
from tfg.clip.synthetic.sentences import SENTENCES
from tfg.types import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Floats

MOUTH_PARAMETERS = ("opening", "jaw", "width", "rounding", "press", "tuck", "tongue")
"""opening: gap between the lips; jaw: chin lowered; width: corners drawn out (+) or in (-); rounding: lips pushed forward; press: lips
rolled together; tuck: lower lip under the upper teeth; tongue: its tip shows. All in [0, 1], width in [-1, 1]."""

# viseme: targets in the order of MOUTH_PARAMETERS, then the weight of (opening and jaw, width and rounding, the rest)
_VISEMES: dict[str, tuple[tuple[float, ...], tuple[float, float, float]]] = {
    "rest": ((0.03, 0.02, 0.00, 0.00, 0.10, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "PP": ((0.00, 0.08, 0.00, 0.05, 1.00, 0.0, 0.0), (12.0, 0.6, 8.0)),  # p b m
    "FF": ((0.12, 0.12, 0.10, 0.00, 0.00, 1.0, 0.0), (5.0, 0.8, 6.0)),  # f v
    "TH": ((0.24, 0.20, 0.10, 0.00, 0.00, 0.0, 1.0), (2.0, 0.6, 3.0)),  # voiced and unvoiced th
    "DD": ((0.22, 0.18, 0.15, 0.00, 0.00, 0.0, 0.5), (1.3, 0.4, 1.5)),  # t d n l
    "SS": ((0.13, 0.06, 0.40, 0.00, 0.00, 0.0, 0.0), (2.5, 1.2, 1.5)),  # s z
    "CH": ((0.22, 0.10, -0.25, 0.70, 0.00, 0.0, 0.0), (2.5, 2.5, 1.5)),  # sh zh ch j
    "KK": ((0.34, 0.30, 0.05, 0.00, 0.00, 0.0, 0.0), (0.7, 0.3, 1.0)),  # k g ng h
    "RR": ((0.26, 0.18, -0.15, 0.45, 0.00, 0.0, 0.0), (1.2, 1.2, 1.0)),  # r, r-coloured endings
    "AA": ((1.00, 1.00, 0.10, 0.00, 0.00, 0.0, 0.0), (2.2, 1.2, 1.0)),  # father, trap, strut, start of bite and bout
    "EH": ((0.62, 0.58, 0.35, 0.00, 0.00, 0.0, 0.0), (1.8, 1.3, 1.0)),  # dress, nurse, schwa, start of bait
    "IH": ((0.34, 0.24, 0.75, 0.00, 0.00, 0.0, 0.0), (1.8, 2.0, 1.0)),  # kit, fleece, yes
    "OH": ((0.74, 0.70, -0.35, 0.60, 0.00, 0.0, 0.0), (2.0, 2.2, 1.0)),  # thought, goat
    "UW": ((0.24, 0.16, -0.70, 1.00, 0.00, 0.0, 0.0), (2.2, 3.0, 1.0)),  # goose, foot, w
}
VISEMES = tuple(_VISEMES)
VISEME_TARGETS = {name: np.array(targets) for name, (targets, _) in _VISEMES.items()}
_TARGETS = np.stack(list(VISEME_TARGETS.values()))
_WEIGHTS = np.array([[w[0], w[0], w[1], w[1], w[2], w[2], w[2]] for _, w in _VISEMES.values()])

# espeak-ng's mnemonics without stress marks; two visemes for a diphthong. The longest known prefix counts ("@2" is "@", "t#" is "t").
_PHONEMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("p", "b", "m"), ("PP",)),
    **dict.fromkeys(("f", "v"), ("FF",)),
    **dict.fromkeys(("T", "D"), ("TH",)),
    **dict.fromkeys(("t", "d", "n", "l", "?", "*"), ("DD",)),
    **dict.fromkeys(("s", "z"), ("SS",)),
    **dict.fromkeys(("S", "Z", "tS", "dZ"), ("CH",)),
    **dict.fromkeys(("k", "g", "N", "h", "x"), ("KK",)),
    "r": ("RR",),
    **dict.fromkeys(("a", "A", "A:", "aa", "V"), ("AA",)),
    **dict.fromkeys(("E", "@", "3", "e", "@L"), ("EH",)),
    **dict.fromkeys(("i", "I", "j", ";"), ("IH",)),
    **dict.fromkeys(("O", "0", "o"), ("OH",)),
    **dict.fromkeys(("u", "U", "w"), ("UW",)),
    "aI": ("AA", "IH"),
    "aU": ("AA", "UW"),
    "eI": ("EH", "IH"),
    "OI": ("OH", "IH"),
    "oU": ("OH", "UW"),
    "A@": ("AA", "RR"),
    "O@": ("OH", "RR"),
    "o@": ("OH", "RR"),
    "e@": ("EH", "RR"),
    "i@": ("IH", "EH"),
    "U@": ("UW", "RR"),
    "aI@": ("AA", "EH"),
    "aU@": ("AA", "EH"),
}
_STRESS = "',%="
_UNSTRESSED = 0.85  # share of its opening that an unstressed vowel keeps
_REACH_SECONDS = 0.022  # a sound's pull on the mouth falls by e over this time, so that it is gone after 100 ms
_STEP_SECONDS = 0.005
_LOUDNESS_SHARE = 0.45  # of the opening: a soft sound opens the mouth this much less than a loud one


@dataclass(frozen=True, kw_only=True)
class SpokenTrack:
    audio: Floats  # (num_frames * 640,) mono 16 kHz in [-1, 1], multiples of 2 ** -15
    phonemes: tuple[str, ...]  # espeak-ng mnemonics; pauses are "_"
    phoneme_times: NDArray[np.float64]  # (len(phonemes), 2) seconds, start and end
    visemes: NDArray[np.int64]  # (num_frames,) index in VISEMES of the sound at the middle of the frame
    mouth: Floats  # (num_frames, len(MOUTH_PARAMETERS)) at the middle of each frame, (i + 0.5) / 25 seconds


def make_spoken_track(seed: int, num_frames: int) -> SpokenTrack:
    """The first `num_frames` frames of the speaker `seed` reading shuffled sentences, with pauses."""
    rng = np.random.default_rng([seed, 11])
    voice = Voice(
        words_per_minute=int(rng.integers(145, 166)),
        pitch=int(rng.integers(35, 60)),
        pitch_range=int(rng.integers(50, 75)),
    )
    num_samples = num_frames * SAMPLES_PER_FRAME
    count = 4 + num_frames // 50  # a sentence and its pause last longer than 50 frames
    order = np.concatenate([rng.permutation(len(SENTENCES)) for _ in range(1 + count // len(SENTENCES))])[:count]
    audio = np.zeros(num_samples)
    sounds: list[tuple[str, float]] = [("_", 0.0)]  # (phoneme, start in seconds)
    begin = int(0.3 * SAMPLE_RATE)
    for utterance in speak([SENTENCES[index] for index in order], voice):
        spoken = _resampled(utterance)
        room = max(0, num_samples - begin)
        audio[begin : begin + len(spoken)] = spoken[:room]
        sounds += zip(utterance.phonemes, utterance.starts + begin / SAMPLE_RATE, strict=True)
        begin += len(spoken)
        sounds.append(("_", begin / SAMPLE_RATE))
        begin += int(uniform(rng, 0.15, 0.7) * SAMPLE_RATE)
    names, times = _intervals(sounds, num_samples / SAMPLE_RATE)
    mouth = _mouth(names, times, num_frames)
    mouth[:, :2] *= (1 - _LOUDNESS_SHARE + _LOUDNESS_SHARE * _loudness(audio))[:, None]
    return SpokenTrack(
        audio=(np.rint(0.7 * 2**15 * audio / max(np.abs(audio).max(), 1e-6)) / 2**15).astype(np.float32),
        phonemes=names,
        phoneme_times=times,
        visemes=_visemes_at(names, times, (np.arange(num_frames) + 0.5) / FPS),
        mouth=mouth,
    )


def _resampled(utterance: Utterance) -> NDArray[np.float64]:
    """(n,) at 16 kHz in [-1, 1], with 4 ms ramps at the ends."""
    from scipy.signal import resample_poly  # slow to import; a clip that is made already needs none of it

    divisor = int(np.gcd(SAMPLE_RATE, utterance.sample_rate))
    up, down = SAMPLE_RATE // divisor, utterance.sample_rate // divisor
    samples = resample_poly(utterance.samples.astype(np.float64) / 2**15, up, down, window=_low_pass(max(up, down)))
    ramp = np.clip(np.arange(len(samples)) / 64, 0, 1)
    return samples * ramp * ramp[::-1]


@functools.cache
def _low_pass(rate: int) -> NDArray[np.float64]:
    """(20 * rate + 1,) a sinc under a Hann window, rounded so that its products with 16-bit sound add up exactly."""
    steps = np.arange(-10 * rate, 10 * rate + 1)
    angle = np.where(steps == 0, 1.0, np.pi * steps / rate)
    sinc = np.where(steps == 0, 1.0, sin(angle) / angle)
    return snapped(sinc * (0.5 + 0.5 * cos(angle / 10)) / rate, 30)


def _loudness(audio: NDArray[np.float64]) -> Floats:
    """(num_frames,) in [0, 1]: root of the short-time level, 1 at the clip's 90th percentile."""
    frames = audio.reshape(-1, SAMPLES_PER_FRAME)
    energy = [
        snapped(part * part, 36).sum(axis=1) for part in np.array_split(frames, 1 + len(frames) // 1000)
    ]  # in little memory
    level = np.sqrt(np.concatenate(energy) / SAMPLES_PER_FRAME)
    loud = np.sort(level)[int(0.9 * (len(level) - 1))]
    relative = np.clip(level / max(loud, 1e-6), 0.0, 1.0)
    return smoothed(np.sqrt(relative), 0.5).astype(np.float32)


def _intervals(sounds: list[tuple[str, float]], stop: float) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names and (m, 2) start and end seconds up to `stop`; neighbouring pauses joined, empty sounds dropped."""
    names: list[str] = []
    times: list[list[float]] = []
    for (name, start), (_, end) in zip(sounds, [*sounds[1:], ("_", stop)], strict=True):
        name, end = ("_" if name.startswith("_") else name), min(end, stop)
        if end <= start:
            continue
        if names and name == "_" == names[-1]:
            times[-1][1] = end
        else:
            names.append(name)
            times.append([start, end])
    times[-1][1] = stop
    return tuple(names), np.array(times)


def visemes_of(phoneme: str) -> tuple[str, ...]:
    """The mouth shapes of one espeak-ng mnemonic: one, or two for a diphthong."""
    bare = phoneme.strip(_STRESS)
    if bare.startswith("_"):
        return ("rest",)
    for length in range(len(bare), 0, -1):
        if bare[:length] in _PHONEMES:
            return _PHONEMES[bare[:length]]
    raise ValueError(
        f"espeak-ng phoneme {phoneme!r} has no viseme; add it to _PHONEMES in tfg/clip/synthetic/speech.py"
    )


def _shapes(names: tuple[str, ...], times: NDArray[np.float64]) -> list[tuple[int, float, float, float]]:
    """(viseme, start, end, share of the opening) of every mouth shape in turn."""
    shapes = []
    for name, (start, end) in zip(names, times, strict=True):
        sequence = visemes_of(name)
        edges = np.linspace(start, end, len(sequence) + 1)
        vowel = name.strip(_STRESS)[:1] in "aAVE@3eiIO0ouU"
        share = _UNSTRESSED if vowel and "'" not in name else 1.0
        shapes += [(VISEMES.index(v), edges[i], edges[i + 1], share) for i, v in enumerate(sequence)]
    return shapes


def _visemes_at(names: tuple[str, ...], times: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.int64]:
    shapes = _shapes(names, times)
    starts = np.array([start for _, start, _, _ in shapes])
    index = np.clip(np.searchsorted(starts, moments, side="right") - 1, 0, None)
    return np.array([shape[0] for shape in shapes], np.int64)[index]


def _mouth(names: tuple[str, ...], times: NDArray[np.float64], num_frames: int) -> Floats:
    """(num_frames, 7): targets blended by how strongly each neighbouring sound pulls (Cohen and Massaro 1993).

    A sound's pull is 1 in its middle half and falls exponentially outside, so that a frame depends on the sounds of +-100 ms.
    """
    per_frame = round(1 / (FPS * _STEP_SECONDS))
    moments = (np.arange(num_frames * per_frame) + 0.5) * _STEP_SECONDS
    pulled = np.zeros((len(moments), len(MOUTH_PARAMETERS)))
    total = np.zeros_like(pulled)
    for viseme, start, end, share in _shapes(names, times):
        first, last = np.searchsorted(moments, (start - 0.25, end + 0.25))
        quarter = min(0.25 * (end - start), 0.03)
        near = moments[first:last]
        outside = np.maximum(0.0, np.maximum(start + quarter - near, near - (end - quarter)))
        pull = exp(-outside / _REACH_SECONDS)[:, None] * _WEIGHTS[viseme]
        target = _TARGETS[viseme] * np.array([share, share, 1, 1, 1, 1, 1])
        pulled[first:last] += pull * target
        total[first:last] += pull
    mouth = smoothed(pulled / total, 0.022 / _STEP_SECONDS, axis=0, mode="nearest")
    return mouth.reshape(num_frames, per_frame, -1).mean(axis=1).astype(np.float32)  # an exposure of one frame
