"""The record of a grid beside its results: which run each cell is. Tables read it, so that they never guess a run by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.grid import Cell, Grid, Label
from tfg.record.files import write_json


def ledger_path(results: Path, grid_name: str) -> Path:
    return results / "grids" / f"{grid_name}.json"


def write_ledger(results: Path, grid: Grid, run_ids: dict[str, str | None]) -> Path:
    """`run_ids`: title of the cell -> its run, None where it has no result yet. Cells that never ran are in it too."""
    path = ledger_path(results, grid.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = [
        {"labels": dict(cell.labels), "overrides": list(cell.overrides), "run_id": run_ids[cell.title]}
        for cell in grid.cells
    ]
    return write_json(path, {"grid": grid.name, "cells": record})


def read_ledger(results: Path, grid_name: str) -> list[tuple[Cell, str | None]]:
    """Every expected cell with its run id; FileNotFoundError where the grid was never launched here."""
    record: dict[str, Any] = json.loads(ledger_path(results, grid_name).read_text())
    pairs: list[tuple[Cell, str | None]] = []
    for entry in record["cells"]:
        labels: dict[str, Label] = entry["labels"]
        pairs.append((Cell(labels=labels, overrides=tuple(entry["overrides"])), entry["run_id"]))
    return pairs
