"""Runs of a user's own sweeps as rows of an atlas, so that the same tables and figures are made of them.

A clip is a person. Of a segment is known what its selection recorded: D and MC where a selector looked at them. The rest is a hole.
A row is of one stretch: heads of several pieces are left out, and named.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.heads import read
from analysis.load import IncompleteGrid
from analysis.rows import head_row
from analysis.sources import Sources
from tfg.record.pieces import pieces_of
from tfg.record.results import DamagedRecord, RunResult


def own_sources(results: Path, clips: tuple[str, ...] = ()) -> Sources:
    """Of every finished run in the folder, each head once; `clips`: names of clips, all without."""
    made: dict[str, dict[str, Any]] = {}
    for path in sorted(results.glob("*/result.json")):
        try:
            result = RunResult.read(path)
        except DamagedRecord as error:
            raise IncompleteGrid(str(error)) from error
        if clips and clip_name(result) not in clips:
            continue
        if len(pieces_of(result.selection)) > 1:
            print(f"analysis: {result.run_id}: left out, its segment is of several pieces", file=sys.stderr)
        else:
            made[result.head] = {**made.get(result.head, {}), **_row(result)}
    if not made:
        raise IncompleteGrid(
            f"{results}: no finished run{' of ' + ', '.join(clips) if clips else ''}; run `python run.py` first"
        )
    nothing = read(results / "no atlas")
    found = pd.DataFrame(list(made.values())).reindex(columns=nothing.columns)
    return Sources(atlas=found, poses=nothing.assign(poses=float("nan")), same_motion=nothing, measured=results)


def clip_name(result: RunResult) -> str:
    """As in run names: given, else the file's stem, else `embedded`."""
    clip = result.config["clip"]
    return str(clip.get("name") or (Path(clip["path"]).stem if clip.get("path") else "embedded"))


def _row(result: RunResult) -> dict[str, Any]:
    name = clip_name(result)
    start = float(result.selection["start"])
    of_segments = "piece_seconds" not in result.selection  # else what was scored is shorter
    scores = {round(float(score["start"]), 2): score for score in result.selection.get("scores", ())}
    score = scores.get(round(start, 2), {}) if of_segments else {}
    given = {"audio_pairs": score.get("diversity"), "mc_both_0.25_pooled_radial": score.get("motion_complexity")}
    kind = "synthetic" if name == "embedded" else "real"
    return head_row(name, kind, result) | {column: value for column, value in given.items() if value is not None}
