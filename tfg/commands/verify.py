"""`tfg verify`: whether a video carries the marks of a rendering: the watermark in its pictures, the manifest in its file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfg.types import FPS, Bytes

if TYPE_CHECKING:
    from tfg.clip.read import VideoReader
    from tfg.marking.manifest import Manifest
    from tfg.marking.watermark import Finding

PARTS = 60  # of a second each, evenly spread, that are looked at in a long video


def run(options: argparse.Namespace) -> int:
    """The findings on stdout; 0 where it is marked, 1 where it is not."""
    from tfg.clip.read import open_video
    from tfg.marking import manifest, watermark

    path = Path(options.video).expanduser()
    video = open_video(path)
    found, stated = watermark.look(_looked_at(video)), manifest.read(path)
    is_marked = found.is_marked or (stated.state == manifest.VALID and stated.is_generated)
    print(json.dumps(_object(found, stated, is_marked)) if options.json else _text(path, found, stated, is_marked))
    return 0 if is_marked else 1


def _looked_at(video: VideoReader) -> Iterator[Bytes]:
    """Every picture, or of a long video PARTS seconds of them; few at a time."""
    num_frames = video.shape[0]
    if num_frames <= PARTS * FPS:
        starts = range(0, num_frames, FPS)
    else:
        starts = range(0, num_frames - FPS + 1, (num_frames - FPS) // (PARTS - 1))
    for start in starts:
        for frame in range(start, min(start + FPS, num_frames)):
            yield from video.frames(frame, frame + 1)


def _text(path: Path, found: Finding, stated: Manifest, is_marked: bool) -> str:
    from tfg.marking.manifest import INVALID, NONE
    from tfg.marking.watermark import BITS

    seen = "found" if found.is_marked else "not found"
    watermark = (
        f"watermark   {seen}: {found.matched} of {BITS} bits agree over {found.frames} frames "
        f"(of unmarked videos as many in a share of {found.chance:.1e})"
    )
    if stated.state == NONE:
        said = "none"
    elif stated.state == INVALID:
        said = f"invalid: {stated.problem}"
    else:
        kind = "made by trained algorithmic media" if stated.is_generated else "does not say that it was generated"
        signer = "this machine" if stated.is_own else "a certificate that this machine does not know"
        said = f"valid: by {stated.generator or 'an unnamed program'}, {kind}; signed by {signer}"
    return f"{watermark}\nmanifest    {said}\n{path}: {'marked' if is_marked else 'not marked'}"


def _object(found: Finding, stated: Manifest, is_marked: bool) -> dict[str, Any]:
    from tfg.marking.watermark import BITS

    watermark = {
        "found": found.is_marked,
        "matched_bits": found.matched,
        "bits": BITS,
        "frames": found.frames,
        "chance": found.chance,
        "confidence": 1 - found.chance,
    }
    return {"marked": is_marked, "watermark": watermark, "manifest": asdict(stated)}
