"""What is tracked of a sweep as a whole: one table of its runs' metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfg.record import identity
from tfg.record.results import DamagedRecord
from tfg.trackers import mirror
from tfg.trackers.base import Tracker, named, replay, sweep_named
from tfg.trackers.choose import track


def track_sweep(settings: Mapping[str, Any], group: str, runs: Sequence[Path]) -> None:
    """The table of those of these run folders, all of one results folder, that are finished; nothing of fewer than two."""
    found = []
    for folder in runs:
        try:
            found.append(mirror.read(folder / "result.json"))
        except DamagedRecord:  # failed, interrupted or damaged: the sweep's own report names it
            continue
    if len(found) > 1:
        with track(settings, sweep_named(group, runs[0].parent)) as tracker:
            send(tracker, found)


def track_found(settings: Mapping[str, Any], runs: Sequence[Path]) -> None:
    """Runs that were done before, where an agent of a wandb sweep waits for them: it gives each a run of its own to log into."""
    if settings["name"] != "wandb" or "WANDB_SWEEP_ID" not in os.environ:
        return
    for folder in runs:
        found = mirror.read(folder / "result.json")
        with track(settings, named(found.result.config, folder)) as tracker:
            replay(tracker, found)
            tracker.record(found)


def send(tracker: Tracker, runs: Sequence[mirror.Mirror]) -> None:
    """The table of a sweep's finished runs."""
    tracker.table("metrics", mirror.metrics_table([(identity.label(run.result.config), run) for run in runs]))
