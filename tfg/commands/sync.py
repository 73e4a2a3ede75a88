"""`tfg sync`: by how many frames the sound of a video is late or early, and whether that is sure."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from tfg import overrides, parts
from tfg.commands.select import quoted
from tfg.sync import clip_offset
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """The offset on stdout, as one line or as JSON."""
    if not options.seconds > 0:
        raise InputError(f"--seconds {options.seconds:g}: must be a number of seconds above 0")
    given = [f"clip.path={quoted(options.clip)}"] if options.clip else []
    config = overrides.composed(overrides.complete([*given, "trainer=cpu", "masks=sidecar"]))
    parts.weights_of(config)
    clip = parts.open_clip(config)
    face = parts.construct(config.face, "face")
    found = clip_offset(replace(clip, num_reference_frames=clip.num_frames), face, options.seconds)
    print(json.dumps(found.as_json()) if options.json else found.text())
