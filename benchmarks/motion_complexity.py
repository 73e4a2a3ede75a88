"""How two readings of motion complexity rank segments: lips and camera pooled by amplitude, or each with equal weight.

`python -m benchmarks.motion_complexity [VIDEO ...] [--out FILE]`: the embedded clip and these videos; the committed table is
benchmarks/motion_complexity.md. Faces are read once a clip and cached.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.selection import SECONDS, candidates_of, complexities, cpu, features_of, rank_correlation
from tfg import assets, overrides, parts, selection
from tfg.clip.read import read_clip
from tfg.features.clip_features import ClipFeatures
from tfg.landmarks import MOUTH
from tfg.selectors.base import Candidates
from tfg.selectors.faces import Rejected, score_motion
from tfg.selectors.isexplore import ISExplore
from tfg.selectors.least_motion import select_least_motion
from tfg.types import FPS

READINGS = {"pooled": "pooled", "groups": "mean_of_groups"}  # as in the table -> selector.motion.aggregation
LEAST_SECONDS = 15.0  # of a video: shorter ones have too few candidates to rank
PAIRS = {
    "lips ~ pooled": ("lips", "pooled"),
    "camera ~ pooled": ("camera", "pooled"),
    "lips ~ groups": ("lips", "groups"),
    "camera ~ groups": ("camera", "groups"),
    "pooled ~ groups": ("pooled", "groups"),
}
_EXPLANATION = (
    "MC of lips and camera (`mc: both`): amplitudes above 0.25 cycles/frame over all amplitudes. *pooled* (the default): one ratio of",
    "the sums over 20 lip signals and the camera signal, `selector.motion.aggregation=pooled`. *groups*: the ratio of the lips and",
    "the ratio of the camera, then their mean, `selector.motion.aggregation=mean_of_groups`. Camera share: the camera signal's part",
    f"of the pooled amplitude, median over candidates. Spearman rank correlations over all n candidates of {SECONDS:g} s in the",
    "training part, one each second: neighbours overlap, so n overstates what is known. Faces: from the sidecar (embedded), else by",
    "MediaPipe. The last three columns are the start of the chosen segment, in seconds.",
)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="*", type=Path, help="real videos; those shorter than 15 s are left out")
    parser.add_argument(
        "--out", type=Path, help="write the table to this Markdown file too, and the numbers beside it as JSON"
    )
    options = parser.parse_args(arguments)
    rows = [of_clip("embedded", embedded())]
    for path in options.videos:
        if read_clip(str(path), size=128, name=path.stem).num_frames >= LEAST_SECONDS * FPS:
            rows.append(of_clip(path.stem, features_of(path, assets.cache_root() / "features")))
            print(f"{path.stem}: {rows[-1]['candidates']} candidates", file=sys.stderr)
    record = {"machine": {"cpu": cpu(), "python": platform.python_version(), "numpy": np.__version__}, "clips": rows}
    text = markdown(record)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


def embedded() -> ClipFeatures:
    """The embedded clip with its own ground truth, as a run without any option has it."""
    config = overrides.composed(["clip=embedded", "trainer=cpu"])
    built = parts.build(config)
    return selection.features_of(built.audio, built.face, built.masks, parts.open_clip(config))


def of_clip(name: str, features: ClipFeatures) -> dict[str, Any]:
    """Rank correlations between the readings over all candidates of a clip, and which second each selector chooses."""
    candidates = candidates_of(features)
    selector = parts.build(overrides.composed(["trainer=cpu"])).selector
    assert isinstance(selector, ISExplore)
    motions = {reading: replace(selector.motion, aggregation=how) for reading, how in READINGS.items()}
    scores = {group: complexities(candidates, selector.motion, group) for group in ("lips", "camera")}
    scores |= {reading: complexities(candidates, motion, "both") for reading, motion in motions.items()}
    rng = np.random.default_rng(0)
    chosen = {"lip": select_least_motion(candidates, selector.motion, "lips", "lip")}
    for reading, motion in motions.items():
        chosen[f"lip_camera {reading}"] = select_least_motion(candidates, motion, "both", "lip_camera")
        chosen[f"isexplore {reading}"] = replace(selector, motion=motion).select(candidates, rng)
    return {
        "name": name,
        "faces": features.face.name,
        "seconds": features.clip.num_frames / FPS,
        "candidates": len(candidates.starts),
        "camera_share": _camera_share(candidates, selector),
        "rank_correlation": {
            pair: rank_correlation(scores[one], scores[other]) for pair, (one, other) in PAIRS.items()
        },
        "median_complexity": {name: float(np.nanmedian(values)) for name, values in scores.items()},
        "start": {selector: found.segment.start / FPS for selector, found in chosen.items()},
    }


def _camera_share(candidates: Candidates, selector: ISExplore) -> float:
    """The camera signal's part of the pooled amplitude, median over candidates."""
    motion, signals = selector.motion, MOUTH.stop - MOUTH.start
    outcomes = {group: score_motion(candidates, candidates.starts, motion, group) for group in ("lips", "camera")}
    shares = []
    for start in candidates.starts:
        lips, camera = outcomes["lips"][start], outcomes["camera"][start]
        if not isinstance(lips, Rejected) and not isinstance(camera, Rejected):
            shares.append(camera.amplitude / (camera.amplitude + signals * lips.amplitude))
    return statistics.median(shares)


def markdown(record: dict[str, Any]) -> str:
    machine, clips = record["machine"], record["clips"]
    median = {pair: statistics.median(clip["rank_correlation"][pair] for clip in clips) for pair in PAIRS}
    changed = {
        selector: sum(clip["start"][f"{selector} pooled"] != clip["start"][f"{selector} groups"] for clip in clips)
        for selector in ("lip_camera", "isexplore")
    }
    as_lip = {
        reading: sum(clip["start"]["lip"] == clip["start"][f"lip_camera {reading}"] for clip in clips)
        for reading in READINGS
    }
    lines = [
        "# Two readings of motion complexity",
        "",
        f"{machine['cpu']}, Python {machine['python']}, numpy {machine['numpy']}. By `python -m benchmarks.motion_complexity`.",
        "",
        *_EXPLANATION,
        "",
        f"| clip | s | n | camera share | {' | '.join(PAIRS)} | lip | lip_camera pooled, groups | isexplore pooled, groups |",
        "|---|--:|--:|--:|" + "--:|" * (len(PAIRS) + 3),
        *map(_line, clips),
        "| **median** | | | | " + " | ".join(f"**{value:.3f}**" for value in median.values()) + " | | | |",
        "",
        f"Of {len(clips)} clips, `lip_camera` chooses another segment under the other reading on {changed['lip_camera']},",
        f"`isexplore` on {changed['isexplore']}; `lip_camera` chooses the segment of `lip` on {as_lip['pooled']} (pooled) and",
        f"{as_lip['groups']} (groups).",
    ]
    return "\n".join(lines) + "\n"


def _line(clip: dict[str, Any]) -> str:
    correlations = " | ".join(f"{clip['rank_correlation'][pair]:.3f}" for pair in PAIRS)
    start = {name: f"{value:g}" for name, value in clip["start"].items()}
    both = [f"{start[f'{selector} pooled']}, {start[f'{selector} groups']}" for selector in ("lip_camera", "isexplore")]
    return (
        f"| {clip['name']} | {clip['seconds']:.0f} | {clip['candidates']} | {clip['camera_share']:.1%} | {correlations} | "
        f"{start['lip']} | {both[0]} | {both[1]} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
