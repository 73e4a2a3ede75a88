"""How complex the motion of the lips and the head is: the share of high frequencies in landmark signals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.landmarks import MOUTH
from tfg.selectors.checks import check_between, check_choice, check_count
from tfg.types import FPS, Floats

SIGNALS = ("lips", "camera", "both")
COORDINATES = ("radial", "xy")
AGGREGATIONS = ("pooled", "mean_of_ratios", "mean_of_groups")
GROUPS = {"lips": ("lips",), "camera": ("camera",), "both": ("lips", "camera")}
DETRENDS = ("none", "linear")
WINDOWS = ("none", "hann")
TITLE = ("motion_complexity", "motion complexity MC, low is simple")  # of plots

Signals = NDArray[np.float64]  # (signals, frames)


@dataclass(frozen=True, kw_only=True)
class SegmentMotion:
    """How complex and how large the motion of one segment is."""

    complexity: float  # MC in [0, 1], low is slow and simple
    amplitude: float  # pixels: mean over signals of the summed one-sided amplitudes; how much MC is worth
    still: bool  # no signal moves at all: the ratio is 0 / 0 and complexity is set to 0


@dataclass(frozen=True, kw_only=True)
class MotionComplexity:
    """MC of landmark tracks: sum of high-frequency amplitudes over the sum of all amplitudes (paper equation 2)."""

    coordinates: str  # lip signals: distance of each lip point to the lips' centroid, or its x and y
    aggregation: (
        str  # one ratio of the sums over all signals, or the mean of the ratios of groups (GROUPS) or of signals
    )
    threshold: float  # cycles per frame, Nyquist 0.5; bins strictly above are high
    threshold_hz: float | None  # replaces `threshold` when given
    detrend: str  # the mean always goes: the paper's sum starts at bin 1
    window: str
    max_missing: int  # frames of a candidate without one clear face that are interpolated

    def __post_init__(self) -> None:
        check_choice("motion.coordinates", self.coordinates, COORDINATES)
        check_choice("motion.aggregation", self.aggregation, AGGREGATIONS)
        check_between("motion.threshold", self.threshold, 0.0, 0.5)
        if self.threshold_hz is not None:
            check_between("motion.threshold_hz", self.threshold_hz, 0.0, FPS / 2)
        check_choice("motion.detrend", self.detrend, DETRENDS)
        check_choice("motion.window", self.window, WINDOWS)
        check_count("motion.max_missing", self.max_missing, 0)

    @property
    def cutoff(self) -> float:
        """Cycles per frame."""
        return self.threshold if self.threshold_hz is None else self.threshold_hz / FPS

    def of(self, landmarks: Floats, signals: str) -> SegmentMotion:
        """(frames, 68, 2) complete landmarks -> MC over `lips`, `camera` or `both`."""
        lips = landmarks[:, MOUTH].astype(np.float64)
        measured = {"lips": lambda: lip_signals(lips, self.coordinates), "camera": lambda: camera_signal(lips)}
        groups = [measured[group]() for group in GROUPS[signals]]
        by_signal = self.amplitudes(np.concatenate(groups))
        borders = np.cumsum([len(group) for group in groups])[:-1]
        high, total = {
            "pooled": lambda: [sums.sum(keepdims=True) for sums in by_signal],
            "mean_of_groups": lambda: [
                np.array([part.sum() for part in np.split(sums, borders)]) for sums in by_signal
            ],
            "mean_of_ratios": lambda: by_signal,
        }[self.aggregation]()
        moving = total > 0
        amplitude = float(by_signal[1].mean()) * 2 / len(landmarks)
        if not moving.any():
            return SegmentMotion(complexity=0.0, amplitude=amplitude, still=True)
        return SegmentMotion(complexity=float((high[moving] / total[moving]).mean()), amplitude=amplitude, still=False)

    def amplitudes(self, signals: Signals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(signals,) sums of amplitude-spectrum bins strictly above the threshold, and of all bins from 1 on."""
        num_frames = signals.shape[1]
        prepared = _without_line(signals) if self.detrend == "linear" else signals - signals.mean(axis=1, keepdims=True)
        if self.window == "hann":
            prepared = prepared * np.hanning(num_frames)
        spectrum = np.abs(np.fft.rfft(prepared, axis=1))[:, 1:]
        bins = np.arange(1, spectrum.shape[1] + 1)
        high = bins > self.cutoff * num_frames + 1e-9  # a bin on the threshold is not above it, whatever its rounding
        # A constant signal leaves rounding noise, which is white and would score 0.5.
        still = spectrum.sum(axis=1) <= 1e-9 * num_frames * np.abs(signals).max(axis=1)
        spectrum[still] = 0.0
        return spectrum[:, high].sum(axis=1), spectrum.sum(axis=1)

    def definition(self, signals: str) -> str:
        """The measure with its parameters, to be read after `MC = `."""
        lips = "20 lip-point distances to the lips' centroid" if self.coordinates == "radial" else "40 lip coordinates"
        over = {"lips": lips, "camera": "lip-centroid speed", "both": f"{lips} and lip-centroid speed"}[signals]
        how = {
            "pooled": "pooled over",
            "mean_of_ratios": "mean of the ratios of",
            "mean_of_groups": "mean of the ratios of the groups, each pooled,",
        }[self.aggregation]
        return (
            f"share of rFFT amplitude strictly above {self.cutoff:g} cycles/frame, DC dropped, detrend {self.detrend}, "
            f"window {self.window}, {how} {over} (iBUG 48:68, at most {self.max_missing} missing frames interpolated)"
        )


def lip_signals(lips: NDArray[np.float64], coordinates: str) -> Signals:
    """(frames, 20, 2) -> r_k(t) = |p_k - c| (20, frames), or the coordinates themselves (40, frames)."""
    if coordinates == "xy":
        return lips.reshape(len(lips), -1).T
    return np.linalg.norm(lips - lips.mean(axis=1, keepdims=True), axis=2).T


def camera_signal(lips: NDArray[np.float64]) -> Signals:
    """(frames, 20, 2) -> speed of the lips' centroid |c(t) - c(t - 1)| (1, frames), the first value repeated."""
    speed = np.linalg.norm(np.diff(lips.mean(axis=1), axis=0), axis=1)
    return np.concatenate([speed[:1], speed])[None]


def _without_line(signals: Signals) -> Signals:
    """Each row less its least-squares line."""
    time = np.arange(signals.shape[1]) - (signals.shape[1] - 1) / 2
    slope = signals @ time / (time @ time)
    return signals - signals.mean(axis=1, keepdims=True) - slope[:, None] * time
