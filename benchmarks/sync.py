"""How well `tfg sync` finds a known offset in seconds of real speech, and how often it is sure of what is none.

`TFG_ASSETS=FOLDER python -m benchmarks.sync [--out FILE]`, minutes with faces cached; the committed table is benchmarks/sync.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import sync_trials as trials
from benchmarks.sync_trials import Footage, Listener
from tfg.features.sync.offset import SURE, SyncOffset
from tfg.record import provenance
from tfg.types import FPS

SECONDS = (10.0, 20.0)
TABLE_SECONDS = 10.0  # of the table by clip
TRIALS = {"foreign speech": 100, "music": 50, "silence": 50}
PARTS = {"tuning": trials.TUNING, "testing": trials.TESTING}
FOUND = ("features, seconds", "stretches", "within 1 frame", "sure", "within 1 frame where sure", "median confidence")
FOREIGN = ("features, sound", "trials of 10 s", "sure", "95th percentile of confidence", "largest")

INTRODUCTION = f"""# Offsets between sound and picture

`tfg sync` on stretches of real clips whose sound was shifted by a known -8 to 8 frames, each measured as if it were a file of its own.
Errors are in frames, relative to the offset that the whole clip has by itself (by Whisper's features); positive: the sound is late.
Of GRID, whose man the prior knows, only the held-out part. All settings, and the confidence {SURE:g} from which an answer is sure,
were fixed on the tuning clips; nobody is in both parts. Made by `python -m benchmarks.sync --out benchmarks/sync.md`."""

Row = Sequence[object]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found in one stretch."""

    clip: str
    error: int  # frames
    sure: bool
    confidence: float


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the tables to this Markdown file too")
    parser.add_argument("--part", choices=PARTS, help="only these clips; testing is added to a file of tuning")
    options = parser.parse_args(arguments)
    listeners = [trials.listener(name) for name in ("whisper", "logmel")]
    chosen = [options.part] if options.part else list(PARTS)
    text = "\n\n".join(part_text(part, listeners) for part in chosen) + "\n"
    if options.out is None:
        print(text)
    elif options.part == "testing" and options.out.exists():
        options.out.write_text(f"{options.out.read_text()}\n{text}")
    else:
        options.out.write_text(f"{INTRODUCTION}\n\n{text}")
    return 0


def part_text(part: str, listeners: list[Listener]) -> str:
    """The tables of one part below its headline."""
    commit, _ = provenance.commit()
    began, began_processor = time.perf_counter(), time.process_time()
    clips = [trials.footage(name) for name in PARTS[part]]
    blocks = [f"### {title}\n\n{body}" for title, body in measured(clips, listeners).items()]
    seconds, processor = time.perf_counter() - began, time.process_time() - began_processor
    cost = f"Commit {commit}, {seconds:.0f} s ({processor:.0f} processor seconds) with faces cached."
    return "\n\n".join([f"## {part.capitalize()} clips", cost, *blocks])


def measured(clips: list[Footage], listeners: list[Listener]) -> dict[str, str]:
    """The tables of one part, by title."""
    names = [listener.prior.features for listener in listeners]
    owns = [whole_clips(clips, listener) for listener in listeners]
    found = [
        {seconds: errors(clips, listener, owns[0], seconds) for seconds in SECONDS} for listener in listeners
    ]  # relative to what the first listener says of the whole clip
    by_seconds = [
        found_row(f"{name}, {seconds:g}", of[seconds])
        for name, of in zip(names, found, strict=True)
        for seconds in SECONDS
    ]
    foreign = [foreign_row(clips, listener, kind) for listener in listeners for kind in TRIALS]
    return {
        "Own offsets": own_table(clips, owns, names),
        "Known offsets": table(FOUND, by_seconds),
        f"Errors in stretches of {TABLE_SECONDS:g} s": clip_table(clips, [of[TABLE_SECONDS] for of in found], names),
        "Sound that does not belong": table(FOREIGN, foreign),
    }


def whole_clips(clips: list[Footage], listener: Listener) -> dict[str, SyncOffset]:
    return {clip.name: listener.measure(clip.audio, clip.landmarks) for clip in clips}


def errors(clips: list[Footage], listener: Listener, own: dict[str, SyncOffset], seconds: float) -> list[Found]:
    """Of each stretch, relative to the clip's own offset."""
    rng = np.random.default_rng(0)
    found = []
    for stretch in trials.stretches(clips, seconds):
        late, audio = trials.shifted(stretch, rng)
        offset, name = listener.measure(audio, stretch.landmarks), stretch.footage.name
        error = offset.offset_frames - late - own[name].offset_frames
        found.append(Found(clip=name, error=error, sure=offset.sure, confidence=offset.confidence))
    return found


def own_table(clips: list[Footage], owns: list[dict[str, SyncOffset]], names: list[str]) -> str:
    rows: list[Row] = []
    for clip in clips:
        of_clip = [own[clip.name] for own in owns]
        said = [
            (f"{own.offset_frames:+d}", f"{own.confidence:.1f}{'' if own.sure else ' (not sure)'}") for own in of_clip
        ]
        rows.append([clip.name, f"{len(clip.landmarks) / FPS:.1f}", *(text for pair in said for text in pair)])
    return table(("clip", "s", *(f"{name}{what}" for name in names for what in ("", ", confidence"))), rows)


def found_row(title: str, found: list[Found]) -> Row:
    right = [abs(each.error) <= 1 for each in found]
    where_sure = [abs(each.error) <= 1 for each in found if each.sure]
    confidence = float(np.median([each.confidence for each in found]))
    return (
        title,
        len(found),
        share(right),
        share([each.sure for each in found]),
        share(where_sure),
        f"{confidence:.1f}",
    )


def clip_table(clips: list[Footage], columns: list[list[Found]], names: list[str]) -> str:
    rows: list[Row] = []
    for clip in clips:
        of_clip = [[each for each in column if each.clip == clip.name] for column in columns]
        said = [(" ".join(f"{each.error:+d}" for each in own), share([each.sure for each in own])) for own in of_clip]
        if of_clip[0]:
            rows.append([clip.name, *(text for pair in said for text in pair)])
    return table(("clip", *(f"{name}{what}" for name in names for what in ("", ", sure"))), rows)


def foreign_row(clips: list[Footage], listener: Listener, kind: str) -> Row:
    rng, count = np.random.default_rng(0), TRIALS[kind]
    places = trials.stretches(clips, 10.0)
    is_speech = kind == "foreign speech"
    drawn = trials.foreign(places, count, rng) if is_speech else trials.without_speech(places, count, rng, kind)
    found = [listener.measure(audio, place.landmarks) for place, audio in drawn]
    confidences = [each.confidence for each in found]
    return (
        f"{listener.prior.features}, {kind}",
        count,
        share([each.sure for each in found]),
        f"{np.quantile(confidences, 0.95):.1f}",
        f"{max(confidences):.1f}",
    )


def share(values: Sequence[bool]) -> str:
    return f"{sum(values)}/{len(values)}"


def table(heads: Sequence[str], rows: Sequence[Row]) -> str:
    lines: list[Row] = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
