"""The atlas as a CSV, one row a head: `python -m analysis.atlas [-o CSV]` after `experiments.atlas` and `experiments.atlas_features`.

Numbers of heads and of segments, no picture, sound or embedding. `--columns` prints what the columns are (tfg/atlas/columns.py).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from analysis.load import IncompleteGrid, results_of
from analysis.script import MEASURED
from experiments.atlas import FULL, GRID, PEOPLE, known_in
from experiments.atlas_features import FOLDER, segment_of
from experiments.grid import Grid
from tfg.atlas.columns import COLUMNS, CONTROLS, GAINS, METRICS, POSE_GAP
from tfg.record import costs
from tfg.record.results import Metrics, RunResult
from tfg.types import FPS, InputError

Value: TypeAlias = str | int | float | bool | None
Features: TypeAlias = Mapping[tuple[str, int, int], Mapping[str, Value]]  # person, first frame, frames -> columns
Known: TypeAlias = Mapping[str, Mapping[str, Value]]  # title of a cell -> its row in another table
OUT = MEASURED / "atlas.csv"


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make an atlas."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of run folders (default results)")
    parser.add_argument("-o", "--out", type=Path, default=OUT, help=f"the CSV (default {OUT})")
    parser.add_argument("--known", type=Path, help="a table to take the heads from that are not in the results")
    parser.add_argument(
        "--columns", action="store_true", help="print every column with its role and definition instead"
    )
    parser.add_argument("--allow-missing", action="store_true", help="leave out heads that are not there yet")
    parser.add_argument(
        "--allow-mixed", action="store_true", help="mix results of several commits, which the rows name"
    )
    options = parser.parse_args(arguments)
    if options.columns:
        print("\n".join(f"{column.name}\t{column.role}\t{column.definition}" for column in COLUMNS))
        return 0
    try:
        known = {} if options.known is None else known_in(options.known)
        found = rows(GRID, options.results, known, allow_missing=options.allow_missing, allow_mixed=options.allow_mixed)
    except (IncompleteGrid, InputError) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    write(found, options.out)
    people = len({row["person"] for row in found})
    print(f"{options.out}: {len(found)} of {len(GRID.cells)} heads, {people} of {len(PEOPLE)} people", file=sys.stderr)
    return 0


def rows(
    grid: Grid,
    results: Path,
    known: Known = MappingProxyType({}),
    *,
    allow_missing: bool = False,
    allow_mixed: bool = False,
) -> list[Mapping[str, Value]]:
    """Every head that is there or `known`, in the order of the grid; IncompleteGrid names what is missing or mixed."""
    of_grid = results_of(grid, results)
    there = [result is not None or cell.title in known for cell, (_, result) in zip(grid.cells, of_grid, strict=True)]
    if not any(there) or not (all(there) or allow_missing):
        raise IncompleteGrid(
            f"{grid.name}: {there.count(False)} of {len(there)} heads are missing; run `python -m experiments.{grid.name}`"
            + (", or leave them out with --allow-missing" if any(there) else "")
        )
    features = features_of(results, {str(labels["person"]) for labels, result in of_grid if result is not None})
    made: list[Mapping[str, Value]] = []
    for cell, (labels, result) in zip(grid.cells, of_grid, strict=True):
        if result is not None:
            length, start = segment_of(labels, cell.overrides)
            key = str(labels["person"]), start, length
            if key not in features:
                raise IncompleteGrid(
                    f"{_record(results, key[0])}: lacks a segment; run `python -m experiments.atlas_features`"
                )
            made.append(row(labels, result, features[key], seconds=length / FPS))
        elif cell.title in known:
            made.append(known[cell.title])
    commits = sorted({str(one[column]).rstrip("+") for one in made for column in ("commit", "scored_at")})
    if len(commits) > 1 and not allow_mixed:
        raise IncompleteGrid(
            f"{grid.name}: heads of {len(commits)} commits ({', '.join(commits)}); mix them with --allow-mixed"
        )
    return made


def features_of(results: Path, people: set[str]) -> Features:
    """Of the records of `experiments.atlas_features`."""
    found: dict[tuple[str, int, int], Mapping[str, Value]] = {}
    for person in sorted(people):
        try:
            record = json.loads(_record(results, person).read_text())
        except (FileNotFoundError, ValueError) as error:
            raise IncompleteGrid(
                f"{_record(results, person)}: not there or damaged; run `python -m experiments.atlas_features --person {person}`"
            ) from error
        for (start, length), columns in zip(record["segments"], record["rows"], strict=True):
            found[person, start, length] = {**columns, **record["costs"]}
    return found


def row(
    labels: Mapping[str, Any], result: RunResult, features: Mapping[str, Value], *, seconds: float
) -> dict[str, Value]:
    """The columns of one head."""
    person, config = PEOPLE[labels["person"]], result.config
    training, scoring = result.stages["training"], result.stages.get("metrics", {})
    found: dict[str, Value] = {
        "person": labels["person"],
        "kind": person.kind,
        "tuned": person.tuned,
        "backbone": labels["backbone"],
        "px": config["clip"]["size"],
        "start": float(result.selection["start"]),
        "seconds": seconds,
        "full": labels["seconds"] == FULL,
        "seed": labels["seed"],
        "growth": labels["growth"],
        "steps": training.get("steps"),
        **origin(result),
        **features,
        **{name: _value(result.metrics, name) for name in METRICS},
        "features_train_seconds": result.stages.get("features_train", {}).get("cold_seconds"),
        "features_train_processor_seconds": costs.stage_processor_seconds(result.stages, "features_train"),
        "training_processor_seconds": costs.stage_processor_seconds(result.stages, "training"),
        "training_seconds": training["seconds"],
        "metrics_seconds": scoring.get("seconds"),
        "training_peak_mb": training["peak_mb"],
    }
    for control, names in CONTROLS.items():
        beside = result.truth if control == "truth" else result.controls.get(control, {})
        found |= {f"{name}_{control}": _value(beside, name) for name in names}
    for name in GAINS:
        gain = result.gains.get(name, {})
        found |= {
            f"gain_{name}{end}": gain.get(key) for key, end in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
    return found | {column: result.pose_gap.get(entry) for entry, column in POSE_GAP.items()}


def origin(result: RunResult) -> dict[str, str]:
    """Columns of what a head was made of, by which code and where."""
    config = result.config
    return {
        "audio": config["audio"]["name"],
        "prior": config["prior"]["name"],
        "head": result.head,
        "commit": result.commit[:8] + ("+" if result.dirty else ""),
        "scored_at": str(result.notes["scored_at"])[:8],
        "machine": f"{result.machine['cpu']}, {result.machine['cores']} cores, Python {result.machine['python']}",
    }


def write(found: Sequence[Mapping[str, Value]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in COLUMNS])
        writer.writerows([[text(line[column.name]) for column in COLUMNS] for line in found])


def text(value: Value) -> str:
    """Six digits; nothing where there is no number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _value(metrics: Metrics, name: str) -> float | None:
    value = metrics.get(name, {}).get("value")
    return None if value is None else float(value)


def _record(results: Path, person: str) -> Path:
    return results / FOLDER / f"{person}.json"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
