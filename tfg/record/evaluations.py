"""Evaluations that `tfg evaluate --name` keeps below a results folder, for the tables. Standard library only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfg.record.checks import check_metrics, check_texts
from tfg.record.files import write_json

SCHEMA = 3
"""Raised with every change of an evaluation's keys or of what its numbers mean."""

_NEEDED = {"schema", "name", "pred", "truth", "digests", "reader", "metrics", "ground_truth"}


def keep(root: Path, record: dict[str, Any]) -> Path:
    """`<root>/evaluations/<name>-<video>-<digest>.json`."""
    folder = root / "evaluations"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{record['name']}-{Path(record['pred']).stem}-{record['digests'][0][:8]}.json"
    return write_json(folder / name, record)


def read(path: Path) -> dict[str, Any]:
    """One evaluation; ValueError names the file when it is not one, or of another schema."""
    try:
        record = json.loads(path.read_text())
        if not isinstance(record, dict) or (lacking := sorted(_NEEDED - record.keys())):
            raise ValueError("no record" if not isinstance(record, dict) else f"it lacks {', '.join(lacking)}")
        if record["schema"] != SCHEMA:
            raise ValueError(f"schema {record['schema']}, this tfg reads {SCHEMA}")
        check_texts(record, "name", "pred", "reader")
        digests = record["digests"]
        if not isinstance(digests, list) or len(digests) < 2 or not all(isinstance(one, str) for one in digests):
            raise ValueError("digests are not of two files")
        for part in ("metrics", "ground_truth"):
            check_metrics(part, record[part])
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())  # a key of the file may hold line breaks
        raise ValueError(
            f"{path}: not a readable evaluation ({reason}); run tfg evaluate again, or delete it"
        ) from error
    return record


def read_all(root: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The readable evaluations below a results folder in the order of names, and one line for each that is not."""
    records, problems = [], []
    for path in sorted((root / "evaluations").glob("*.json")):
        try:
            records.append(read(path))
        except ValueError as error:
            problems.append(str(error))
    return records, problems
