"""Results of a grid as a table of numbers: one row for each run, source and metric. Missing is an error unless asked for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.grid import Grid
from experiments.ledger import ledger_path, read_ledger
from tfg.record import costs
from tfg.record.results import DamagedRecord, RunResult

RUN = "run"  # the trained head, beside its controls and the truth
NAMED = 5  # of the missing runs, in a message


class IncompleteGrid(ValueError):
    """The results cannot make an honest table; the message says what is missing and which flag shows the hole instead."""


def load(grid: Grid, results: Path, *, allow_missing: bool = False, allow_mixed: bool = False) -> pd.DataFrame:
    """Columns: the grid's labels, run_id, commit, dirty, start, selection_seconds, selection_frames, training_seconds,
    selection_, features_train_ and training_processor_seconds (None: not known), faces_given (reading them is not in the
    selection's cost), source (run | a control | truth), metric, value, unavailable, and the metric's facts: title, unit, better,
    digits.

    A cell without a result is one row whose run_id and metric are None and whose value is NaN; IncompleteGrid where all are such.
    `unavailable` says why a value is NaN. `commit` is of the training; runs are mixed also where their scores are of another commit.
    """
    rows: list[dict[str, object]] = []
    missing: list[str] = []
    commits: set[str] = set()
    for labels, result in results_of(grid, results):
        if result is None:
            missing.append(" ".join(f"{axis}={value}" for axis, value in labels.items()))
            hole = {"run_id": None, "source": RUN, "metric": None, "value": float("nan"), "unavailable": "no result"}
            rows.append({**labels, **hole})
        else:
            rows += [{**labels, **row} for row in _rows(result)]
            commits |= {commit[:8] for commit in result.commits}
    if len(missing) == len(grid.cells):
        raise IncompleteGrid(
            f"{grid.name}: none of its {len(missing)} runs is done in {results}; run `python -m experiments.{grid.name}`"
        )
    if missing and not allow_missing:
        named = "; ".join([*missing[:NAMED], *([f"{len(missing) - NAMED} more"] if len(missing) > NAMED else [])])
        raise IncompleteGrid(
            f"{grid.name}: {len(missing)} of {len(grid.cells)} runs are missing ({named}); run "
            f"`python -m experiments.{grid.name}`, or show the holes with --allow-missing"
        )
    if len(commits) > 1 and not allow_mixed:
        raise IncompleteGrid(
            f"{grid.name}: results of {len(commits)} commits ({', '.join(sorted(commits))}); delete and rerun the old ones, or mix "
            "them with --allow-mixed"
        )
    return pd.DataFrame(rows)


def results_of(grid: Grid, results: Path) -> list[tuple[dict[str, object], RunResult | None]]:
    """Labels of every expected cell with its result, by the ledger that the launcher wrote."""
    try:
        ledger = read_ledger(results, grid.name)
    except FileNotFoundError as error:
        raise IncompleteGrid(
            f"{ledger_path(results, grid.name)}: not there; run `python -m experiments.{grid.name}` first"
        ) from error
    if [cell.labels for cell, _ in ledger] != [dict(cell.labels) for cell in grid.cells]:
        raise IncompleteGrid(
            f"{ledger_path(results, grid.name)}: the grid has changed since; run `python -m experiments.{grid.name}` again"
        )
    pairs: list[tuple[dict[str, object], RunResult | None]] = []
    for cell, run_id in ledger:
        path = results / str(run_id) / "result.json"
        there = run_id is not None and path.exists()
        try:
            pairs.append((dict(cell.labels), RunResult.read(path) if there else None))
        except DamagedRecord as error:
            raise IncompleteGrid(str(error)) from error
    return pairs


def _described(result: RunResult) -> dict[str, dict[str, object]]:
    """What is said of a run beside its metrics, in a metric's shape: what speech gains, and the mean pose gap."""
    facts = {"title": "Pose gap", "unit": "degrees", "better": "none", "digits": 1, "unavailable": None}
    return {
        **{f"gain_{name}": {**gain, "title": f"Speech gain, {gain['title']}"} for name, gain in result.gains.items()},
        "pose_gap": {**facts, "value": result.pose_gap["mean_degrees"]},
    }


def _rows(result: RunResult) -> list[dict[str, object]]:
    common = {
        "run_id": result.run_id,
        "commit": result.commit,
        "dirty": result.dirty,
        "start": result.selection["start"],
        "selection_seconds": result.selection["cost"]["seconds"],
        "selection_frames": result.selection["cost"]["frames"],
        "selection_processor_seconds": result.selection["cost"].get("processor_seconds"),
        "faces_given": costs.faces_given(result.selection["cost"], result.config),
        "features_train_processor_seconds": costs.stage_processor_seconds(result.stages, "features_train"),
        "training_processor_seconds": costs.stage_processor_seconds(result.stages, "training"),
        "training_seconds": result.stages["training"]["seconds"],
    }
    sources = {RUN: result.metrics | _described(result), **result.controls, "truth": result.truth}
    return [
        {
            **common,
            "source": source,
            "metric": name,
            "value": float("nan") if metric["value"] is None else float(metric["value"]),
            **{key: metric[key] for key in ("unavailable", "title", "unit", "better", "digits")},
        }
        for source, metrics in sources.items()
        for name, metric in metrics.items()
    ]
