"""A grid of heads of synthetic people as rows of the atlas: `python -m analysis.rows poses|same_motion [-o CSV]`.

Writes analysis/data/measured/<grid>.csv after `experiments.<grid>`: the atlas's keys, scores and costs, and what the grid varies
(`poses`, or the diversity of the sound, `audio_pairs`). Heads that are not there yet are left out; the line on stderr counts them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.atlas import origin
from analysis.load import IncompleteGrid, results_of
from analysis.script import MEASURED
from experiments import poses, same_motion
from experiments.grid import Grid
from tfg.atlas.columns import GAINS, METRICS, POSE_GAP
from tfg.record.results import RunResult

GRIDS: dict[str, Grid] = {"poses": poses.GRID, "same_motion": same_motion.GRID}


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where there are no results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grid", choices=GRIDS)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of run folders (default results)")
    parser.add_argument("-o", "--out", type=Path, help=f"the CSV (default {MEASURED}/<grid>.csv)")
    options = parser.parse_args(arguments)
    out = options.out or MEASURED / f"{options.grid}.csv"
    try:
        found = rows(GRIDS[options.grid], options.results)
    except IncompleteGrid as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    out.parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(out, index=False, float_format="%.6g", lineterminator="\n")
    cells = len(GRIDS[options.grid].cells)
    print(f"{out}: {len(found)} heads of a grid of {cells} cells", file=sys.stderr)
    return 0


def rows(grid: Grid, results: Path) -> pd.DataFrame:
    """A row a head; IncompleteGrid where there is none, or where the record of the diversities is missing."""
    done = [(labels, result) for labels, result in results_of(grid, results) if result is not None]
    if not done:
        raise IncompleteGrid(f"{grid.name}: no head is there; run `python -m experiments.{grid.name}`")
    chosen = [(labels, result) for labels, result in done if labels.get("segment") == same_motion.CHOSEN]
    diversities = {str(labels["person"]): _diversities(result) for labels, result in chosen}
    made: dict[str, dict[str, Any]] = {}  # by head: the chosen segment is also one of the twelve
    for labels, result in done:
        line = head_row(str(labels["person"]), "synthetic", result)
        if "poses" in labels:
            line["poses"] = labels["poses"]
        elif (person := str(labels["person"])) not in diversities:
            raise IncompleteGrid(
                f"{grid.name}: {person} has no run `{same_motion.CHOSEN}`; run `python -m experiments.{grid.name}`"
            )
        else:
            line["audio_pairs"] = diversities[person][round(float(result.selection["start"]), 2)]
        made[result.head] = line
    return pd.DataFrame(list(made.values()))


def _diversities(result: RunResult) -> dict[float, float]:
    """Start -> D of every segment that the selector looked at."""
    return {round(float(score["start"]), 2): float(score["diversity"]) for score in result.selection["scores"]}


def head_row(person: str, kind: str, result: RunResult) -> dict[str, Any]:
    """Keys, scores and costs of a head, by the columns of the atlas."""
    config, training = result.config, result.stages["training"]
    entries = {name: result.metrics.get(name, {}) for name in METRICS}
    gains = {f"gain_{name}": result.gains.get(name, {}) for name in GAINS}
    return {
        "person": person,
        "kind": kind,
        "tuned": False,
        "backbone": config["backbone"]["name"],
        "px": config["clip"]["size"],
        "start": float(result.selection["start"]),
        "seconds": float(config["seconds"]),
        "full": False,
        "seed": config["seed"],
        "growth": config.get("trainer", {}).get("growth", 1.0),
        "steps": training.get("steps"),
        **origin(result),
        **{name: entry.get("value") for name, entry in (entries | gains).items()},
        **{column: result.pose_gap.get(entry) for entry, column in POSE_GAP.items()},
        "training_seconds": training["seconds"],
        "training_peak_mb": training["peak_mb"],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
