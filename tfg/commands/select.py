"""`tfg select`: which seconds of a video to train on, the score of every candidate, and a plot of them."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from omegaconf import DictConfig

from tfg import overrides, parts, preflight
from tfg.selection import select_only
from tfg.selectors.report import selection_plot, selection_text
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """The chosen segment on stdout, as text or JSON; the plot's path on stderr."""
    named = {"selector": options.method, "seconds": options.seconds, "seed": options.seed}
    given = [*(f"{key}={value}" for key, value in named.items() if value is not None), *options.overrides]
    if options.clip:
        given.insert(0, f"clip.path={quoted(options.clip)}")
    if options.plot is not None and (Path(options.plot).suffix != ".png" or not Path(options.plot).parent.is_dir()):
        raise InputError(f"--plot {options.plot}: must be a .png in a folder that exists")
    given += overrides.UNTRAINED
    completed = overrides.complete(given)
    config = overrides.composed(completed)
    parts.clip_identity(config)  # a video that is not there is refused before libraries are imported
    plot = Path(options.plot or plot_name(config))
    preflight.check(config)
    overrides.say_choice(given, completed)
    selection, chosen = select_only(config)
    print(json.dumps(chosen) if options.json else selection_text(chosen))
    if options.plot or not options.json:
        again = plot.exists()
        selection_plot(selection, plot)
        print(f"plot: {plot}{' (drawn over the one that was there)' if again else ''}", file=sys.stderr)


def plot_name(config: DictConfig) -> str:
    """`<clip>-<selector>-<seconds>s-seed<k>.png`, of the composed configuration: what was overridden counts."""
    clip = re.sub(r"[/\0]", "_", parts.clip_name(config))
    named = (clip, config.selector.name, f"{config.seconds:g}s", f"seed{config.seed}")
    return "-".join(named) + ".png"


def quoted(path: str) -> str:
    """A path as Hydra's override grammar wants it: quoted, so that spaces, commas and equals signs stay in it.

    A backslash stands for itself there, unless quotes follow it.
    """
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), path)
    return f"'{escaped}'"
