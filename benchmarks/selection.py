"""What selection costs: the banded pass against window-by-window distances, and ISExplore against scanning every face.

`python -m benchmarks.selection [--clip VIDEO] [--out FILE]`; the committed table is benchmarks/selection.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from tfg import overrides, parts
from tfg.clip.read import read_clip
from tfg.features.clip_features import ClipFeatures
from tfg.selectors.base import Candidates, Selection, Selector
from tfg.selectors.candidates import candidates_for, frames_of
from tfg.selectors.diversity import MEASURES
from tfg.selectors.faces import Rejected, score_motion
from tfg.selectors.isexplore import ISExplore
from tfg.selectors.motion import SIGNALS, MotionComplexity
from tfg.selectors.pairwise import distances, window_mean_distances
from tfg.split import split

SECONDS, REPEATS = 5.0, 5
READERS = ("audio=logmel", "face=mediapipe", "masks=mediapipe")
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "mean_of_ratios": {"aggregation": "mean_of_ratios"},
    "xy": {"coordinates": "xy"},
    "detrend linear": {"detrend": "linear"},
    "window hann": {"window": "hann"},
    "threshold 0.15": {"threshold": 0.15},
    "threshold 0.35": {"threshold": 0.35},
}


@dataclass(frozen=True, kw_only=True)
class Timed:
    selection: Selection
    seconds: float  # cold: opening the video and all features included
    frames: int  # distinct frames whose faces were looked at


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="a real video; without one only the banded pass is measured")
    parser.add_argument(
        "--out", type=Path, help="write the tables to this Markdown file too, and the numbers beside it as JSON"
    )
    options = parser.parse_args(arguments)
    record: dict[str, Any] = {"machine": {"cpu": cpu(), "python": platform.python_version(), "numpy": np.__version__}}
    record["pairs"] = [
        banded(total, channels) for total, channels in ((1500, 384), (5385, 80), (5385, 384), (5385, 512))
    ]
    if options.clip:
        record["clip"] = on_clip(options.clip)
    text = markdown(record)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


def banded(total: int, channels: int) -> dict[str, Any]:
    """Seconds of all D, one pass against a loop over windows that shares nothing; interleaved, medians."""
    features = np.random.default_rng(0).standard_normal((total, channels))
    num_frames = frames_of(SECONDS)
    every_second, every_frame = np.arange(0, total - num_frames + 1, 25), np.arange(total - num_frames + 1)
    upper = np.triu_indices(num_frames, 1)

    def by_window(starts: np.ndarray) -> np.ndarray:
        windows = (features[start : start + num_frames] for start in starts)
        return np.array([distances(window, window)[upper].mean() for window in windows])

    ways: dict[str, Callable[[], np.ndarray]] = {
        "banded_every_second": lambda: window_mean_distances(features, every_second, num_frames),
        "windows_every_second": lambda: by_window(every_second),
        "banded_every_frame": lambda: window_mean_distances(features, every_frame, num_frames),
        "windows_every_25th": lambda: by_window(every_frame[12::25]),
    }
    answers = {name: way() for name, way in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - started)
    seconds = {name: statistics.median(values) for name, values in times.items()}
    loop_every_frame = seconds["windows_every_25th"] * len(every_frame) / len(every_frame[12::25])
    difference = np.abs(answers["banded_every_second"] / answers["windows_every_second"] - 1).max()
    return {
        "frames": total,
        "channels": channels,
        "seconds": {**seconds, "windows_every_frame_extrapolated": loop_every_frame},
        "ratio_every_second": seconds["windows_every_second"] / seconds["banded_every_second"],
        "ratio_every_frame": loop_every_frame / seconds["banded_every_frame"],
        "largest_relative_difference": float(difference),
    }


def on_clip(path: Path) -> dict[str, Any]:
    """ISExplore and a scan of every face, each from an empty cache; then how the alternative readings of the paper rank."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        selector = _parts("selector=isexplore").selector
        assert isinstance(selector, ISExplore)
        explored = timed(selector, path, Path(first))
        scanned = timed(_parts("selector=lip_camera").selector, path, Path(second))
        candidates = candidates_of(features_of(path, Path(second)))
        diversity = {name: replace(selector.diversity, measure=name) for name in MEASURES}
        diversity["pairs l2norm"] = replace(selector.diversity, l2norm=True)
        varied = {
            name: way.of(candidates.audio(), candidates.starts, candidates.num_frames)
            for name, way in diversity.items()
        }
        moving = {
            name: complexities(candidates, replace(selector.motion, **changes), "both")
            for name, changes in VARIANTS.items()
        }
        moving |= {f"mc={signals}": complexities(candidates, selector.motion, signals) for signals in SIGNALS[:2]}
    return {
        "name": path.name,
        "candidates": len(candidates.starts),
        "isexplore": _record(explored),
        "every_face": _record(scanned),
        "ratio": scanned.seconds / explored.seconds,
        "rank_correlation_with_pairs": {
            name: rank_correlation(varied["pairs"], values) for name, values in varied.items()
        },
        "rank_correlation_with_default_mc": {
            name: rank_correlation(moving["default"], values) for name, values in moving.items()
        },
    }


def timed(selector: Selector, path: Path, cache: Path) -> Timed:
    started = time.perf_counter()
    features = features_of(path, cache)
    with features.costing() as cost:
        selection = selector.select(candidates_of(features), np.random.default_rng(0))
    return Timed(selection=selection, seconds=time.perf_counter() - started, frames=cost.frames)


def features_of(path: Path, cache: Path) -> ClipFeatures:
    """Of a real video, by the parts that conf/ has for one."""
    config = overrides.composed(["trainer=cpu"])
    clip = split(read_clip(str(path), size=128, name=path.stem), config.split.held_out)
    parts = _parts()
    return ClipFeatures(clip=clip, audio=parts.audio, face=parts.face, masks=parts.masks, root=cache)


def _parts(*overriding: str) -> parts.Parts:
    """The parts of a real video as conf/ has them."""
    return parts.build(overrides.composed([*READERS, *overriding]))


def candidates_of(features: ClipFeatures) -> Candidates:
    """All 5 s windows of the training part."""
    total = features.clip.num_reference_frames
    return Candidates(
        starts=candidates_for(total, SECONDS),
        num_frames=frames_of(SECONDS),
        num_reference_frames=total,
        audio=lambda: features.sound()[:total],
        face=features.track,
    )


def complexities(candidates: Candidates, motion: MotionComplexity, signals: str) -> np.ndarray:
    """MC of every candidate, NaN where it was rejected."""
    outcomes = score_motion(candidates, candidates.starts, motion, signals)
    values = [outcomes[start] for start in candidates.starts]
    return np.array([np.nan if isinstance(value, Rejected) else value.complexity for value in values])


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's, over the candidates that have both numbers."""
    both = np.isfinite(one) & np.isfinite(other)
    return float(stats.spearmanr(one[both], other[both]).statistic)


def _record(timed: Timed) -> dict[str, Any]:
    return {"seconds": timed.seconds, "frames": timed.frames, "start": timed.selection.segment.start / 25}


def cpu() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def markdown(record: dict[str, Any]) -> str:
    machine = record["machine"]
    lines = [
        "# Selection",
        "",
        f"{machine['cpu']}, Python {machine['python']}, numpy {machine['numpy']}. "
        f"Medians of {REPEATS} interleaved runs; trust ratios.",
        "",
        "All mean pairwise distances of 5 s windows (N = 125), one banded pass against a vectorised loop over windows:",
        "",
        "| frames | channels | every second: banded s | loop s | ratio | every frame: banded s | loop s (from each 25th) | ratio "
        "| largest relative difference |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in record["pairs"]:
        seconds = row["seconds"]
        lines.append(
            f"| {row['frames']} | {row['channels']} | {seconds['banded_every_second']:.3f} | "
            f"{seconds['windows_every_second']:.3f} | {row['ratio_every_second']:.1f}x | {seconds['banded_every_frame']:.3f} | "
            f"{seconds['windows_every_frame_extrapolated']:.1f} | {row['ratio_every_frame']:.0f}x | "
            f"{row['largest_relative_difference']:.1e} |"
        )
    if "clip" in record:
        lines += _clip_lines(record["clip"])
    return "\n".join(lines) + "\n"


def _clip_lines(clip: dict[str, Any]) -> list[str]:
    rows = [("ISExplore", clip["isexplore"]), ("every face (lip_camera)", clip["every_face"])]
    return [
        "",
        f"`{clip['name']}`, {clip['candidates']} candidates, logmel audio, MediaPipe faces, from an empty cache, opening the "
        "video included:",
        "",
        "| selector | seconds | frames looked at | chosen start s |",
        "|---|--:|--:|--:|",
        *(f"| {name} | {row['seconds']:.1f} | {row['frames']} | {row['start']:.0f} |" for name, row in rows),
        "",
        f"Scanning every face takes {clip['ratio']:.1f} times as long.",
        "",
        "Spearman rank correlation over the candidates of each alternative reading of the paper with the default:",
        "",
        "| D | with pairs | | MC | with default |",
        "|---|--:|---|---|--:|",
        *_side_by_side(clip["rank_correlation_with_pairs"], clip["rank_correlation_with_default_mc"]),
    ]


def _side_by_side(left: dict[str, float], right: dict[str, float]) -> list[str]:
    ours, theirs = list(left.items()), list(right.items())
    lines = []
    for index in range(max(len(ours), len(theirs))):
        one = f"{ours[index][0]} | {ours[index][1]:.2f}" if index < len(ours) else " | "
        other = f"{theirs[index][0]} | {theirs[index][1]:.2f}" if index < len(theirs) else " | "
        lines.append(f"| {one} | | {other} |")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
