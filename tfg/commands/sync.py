"""`tfg sync`: by how many frames the sound of a video is late or early, and whether that is sure; or why it was not measured."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from tfg import overrides, parts
from tfg.commands.select import quoted
from tfg.features.sync.offset import NO_FACE, NO_SPEECH
from tfg.sync import clip_offset
from tfg.types import FPS, InputError


def run(options: argparse.Namespace) -> None:
    """The offset on stdout, as one line or as JSON. InputError where nobody speaks or no face is seen."""
    if not options.seconds > 0:
        raise InputError(f"--seconds {options.seconds:g}: must be a number of seconds above 0")
    shown = [f"clip.path={quoted(options.clip)}"] if options.clip else []
    given = [*shown, *overrides.UNTRAINED]
    completed = overrides.complete(given)
    config = overrides.composed(completed)
    parts.weights_of(config)
    clip = parts.open_clip(config)
    face = parts.construct(config.face, "face")
    found = clip_offset(replace(clip, num_reference_frames=clip.num_frames), face, options.seconds)
    if found.reason in (NO_SPEECH, NO_FACE):
        looked_at = min(options.seconds, clip.num_frames / FPS)
        raise InputError(
            f"{clip.path}: {found.reason} in its first {looked_at:.1f} s; give a video of someone who speaks there, or "
            "another --seconds"
        )
    overrides.say_choice(given, completed)
    print(json.dumps(found.as_json()) if options.json else found.text())
