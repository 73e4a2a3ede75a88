"""Known edits of real clips, scored with every metric: does the right number move in the right direction, and only as it should?

`python -m benchmarks.metric_sensitivity [--assets FOLDER] [--out FILE]`; the committed table is benchmarks/metric_sensitivity.md.
Exit code 1 when a number does not do what it should.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.sensitivity_claims import Claim, Scores, claims
from benchmarks.sensitivity_edits import MARGIN, Edit, Footage, edits
from tfg import assets, heads, overrides, parts
from tfg.clip.read import open_video, read_clip
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.mediapipe import MediaPipeFace
from tfg.metrics.base import Metric, MetricValue
from tfg.metrics.listener.fitted import FittedListener, NoListener
from tfg.record import provenance
from tfg.scoring import suite
from tfg.scoring.score import Held, Subject, read_faces, score
from tfg.scoring.setting import Switches
from tfg.split import split
from tfg.types import SAMPLES_PER_FRAME, FaceTrack, InputError

THREADS = 2
GRID, GERMAN, STRANGER = "grid_s1_79clips_237s.mp4", "German_20s.mp4", "grid_speakers/sbia1a.mpg"
GRID_START, GRID_FRAMES = 5460, 200  # 8 s of the held-out part, whose 538 frames begin at 5385
OTHER_SOUND = 5700  # also held out: other sentences
GERMAN_START, GERMAN_FRAMES = 396, 64
COLUMNS = (
    tuple(f"{name}{region}" for name in ("psnr", "ssim", "lpips") for region in ("", "_face", "_mouth")),
    ("lmd", "lmd_normalised", "mouth_correlation", "mouth_lag", "blendshape_error_lower", "blendshape_error_upper"),
    ("head_pose_error", "head_jitter", "head_jitter_ratio", "blink_rate", "blink_rate_difference"),
    ("flicker", "flicker_mouth", "identity", "sync_c_listener", "sync_d_listener", "sync_offset_listener"),
)
UP, DOWN = "\u2191", "\u2193"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All edits of one clip."""

    title: str
    values: dict[str, dict[str, MetricValue]]  # edit -> metric -> value; a sound's edit has the metrics of sound only
    seconds: float

    @property
    def scores(self) -> Scores:
        return {edit: {name: value.value for name, value in found.items()} for edit, found in self.values.items()}

    @property
    def has_listener(self) -> bool:
        return self.values["none"]["sync_c_listener"].value is not None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, default=os.environ.get("TFG_ASSETS"), help="default: TFG_ASSETS")
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file too")
    options = parser.parse_args(arguments)
    if options.assets is None:
        parser.error("needs the real clips; give --assets or set TFG_ASSETS")
    torch.set_num_threads(THREADS)
    commit = provenance.commit()  # before the minutes in which somebody may commit
    measured = [on_grid(options.assets / "video"), on_german(options.assets / "video")]
    text = markdown(measured, commit)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
    return int(any(not claim.holds(found.scores) for found in measured for claim in expectations(found)))


def _parts() -> parts.Parts:
    """What reads a real video, as conf/ has it."""
    return parts.build(overrides.composed(["audio=logmel", "face=mediapipe", "masks=mediapipe"]))


def _switches() -> Switches:
    """Every metric."""
    return heads.suite_switches(parts.plain(overrides.composed(["metrics=full"]))["metrics"])


def on_grid(folder: Path) -> Measured:
    """The long clip, with a listener fitted to its training part; another speaker of the corpus is the stranger."""
    clip = split(read_clip(folder / GRID), overrides.composed(["trainer=cpu"]).split.held_out)
    parts = _parts()
    features = ClipFeatures(
        clip=clip, audio=parts.audio, face=parts.face, masks=parts.masks, root=assets.cache_root() / "features"
    )
    listener = suite.fit_listener(features, _switches(), GRID_FRAMES)
    stranger = open_video(folder / STRANGER)
    other = clip.audio()[OTHER_SOUND * SAMPLES_PER_FRAME :][: GRID_FRAMES * SAMPLES_PER_FRAME]
    strange = stranger.frames(0, stranger.shape[0])
    title = f"`{GRID}`, frames {GRID_START} to {GRID_START + GRID_FRAMES} (held out), 360x288"
    return measure(title, _footage(folder / GRID, GRID_START, GRID_FRAMES), listener, strange, other)


def on_german(folder: Path) -> Measured:
    """The short clip: its held-out part is too short for a listener."""
    listener = NoListener(reason="the held-out part of this clip, 1.8 s, is too short for a listener")
    title = f"`{GERMAN}`, frames {GERMAN_START} to {GERMAN_START + GERMAN_FRAMES}, 512x512"
    return measure(title, _footage(folder / GERMAN, GERMAN_START, GERMAN_FRAMES), listener, None, None)


def _footage(path: Path, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and sound with MARGIN on either side."""
    video = open_video(path)
    first, stop = start - MARGIN, start + count + MARGIN
    if stop > video.shape[0]:
        raise InputError(f"{path}: has {video.shape[0]} frames, {stop} are needed; is it the clip of TFG_ASSETS?")
    return video.frames(first, stop), video.audio()[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]


def measure(
    title: str,
    media: tuple[np.ndarray, np.ndarray],
    listener: FittedListener | NoListener,
    stranger: np.ndarray | None,
    other_sound: np.ndarray | None,
) -> Measured:
    started = time.monotonic()
    reader = _parts().face
    assert isinstance(reader, MediaPipeFace)
    metrics = suite.build(_switches(), reader=reader, listener=listener)
    true = read_faces(reader, Held(images=media[0][MARGIN:-MARGIN]))
    footage = Footage(
        pictures=media[0], sound=media[1], landmarks=true.landmarks, stranger=stranger, other_sound=other_sound
    )
    values = {}
    for edit in edits(footage):
        values[edit.name] = score_edit(edit, footage, true, reader, metrics)
        print(f"{edit.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return Measured(title=title, values=values, seconds=time.monotonic() - started)


def score_edit(
    edit: Edit, footage: Footage, true: FaceTrack, reader: MediaPipeFace, metrics: tuple[Metric, ...]
) -> dict[str, MetricValue]:
    """Every metric; of unchanged pictures under another sound those of sound only, the others being the truth's."""
    images = footage.truth if edit.change is None else edit.change(footage)
    subject = Subject(
        prediction=Held(images=images),
        truth=Held(images=footage.truth),
        made=true if edit.change is None else read_faces(reader, Held(images=images)),
        true=true,
        audio=footage.audio if edit.resound is None else edit.resound(footage),
        where=edit.name,
    )
    wanted = metrics if edit.resound is None else tuple(metric for metric in metrics if "audio" in metric.needs)
    return score(subject, wanted, reader.definition)


def expectations(measured: Measured) -> list[Claim]:
    return claims(measured.values, has_listener=measured.has_listener)


def markdown(measured: list[Measured], commit: tuple[str, bool]) -> str:
    digest, dirty = commit
    machine = provenance.machine()
    seconds = sum(found.seconds for found in measured)
    kept = [claim.holds(found.scores) for found in measured for claim in expectations(found)]
    lines = [
        "# What moves which metric",
        "",
        "Known edits of real clips, scored against the unchanged clip by every metric. Arrows: above or below the score of the",
        "unchanged clip (row `none`). What was expected stands below the tables; it was written down before they were made.",
        "",
        f"{sum(kept)} of {len(kept)} expectations hold. Commit {digest[:12]}{' with changes' if dirty else ''}, {machine['cpu']}, "
        f"{THREADS} threads, {seconds:.0f} s. Made by `make sensitivity`.",
        "",
    ]
    for found in measured:
        lines += [f"## {found.title}", ""]
        for columns in COLUMNS:
            lines += table(found, columns)
        lines += unavailable(found)
        lines += verdicts(found)
    return "\n".join(lines)


def table(measured: Measured, columns: tuple[str, ...]) -> list[str]:
    """A row an edit, with an arrow where the number differs from the unchanged truth's."""
    base = measured.scores["none"]
    shown = [name for name in columns if base.get(name) is not None]
    if not shown:
        return []
    rows = [f"| edit | {' | '.join(shown)} |", "|---" + "|--:" * len(shown) + "|"]
    for edit, found in measured.scores.items():
        if any(name in found for name in shown):
            rows.append(f"| {edit} | {' | '.join(_cell(found, base, name) for name in shown)} |")
    return [*rows, ""]


def _cell(found: Mapping[str, float | None], base: Mapping[str, float | None], name: str) -> str:
    if name not in found:
        return ""
    value, usual = found[name], base[name]
    if value is None or usual is None:
        return "-"
    arrow = "" if value == usual else f" {UP}" if value > usual else f" {DOWN}"
    return f"{value:.4g}{arrow}"


def unavailable(measured: Measured) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for name, value in measured.values["none"].items():
        if value.unavailable is not None:
            reasons.setdefault(value.unavailable, []).append(f"`{name}`")
    return [f"Unavailable: {', '.join(names)}: {reason}." for reason, names in reasons.items()] + [""]


def verdicts(measured: Measured) -> list[str]:
    rows = ["| expected | measured | |", "|---|---|---|"]
    for claim in expectations(measured):
        verdict = "holds" if claim.holds(measured.scores) else "**FAILS**"
        rows.append(f"| {claim.text} | {claim.shown(measured.scores)} | {verdict} |")
    return [*rows, ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
