"""`tfg compare`: how far two runs, or two groups of runs, differ in every metric, with intervals and what they are over."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tfg.record import differences, results
from tfg.record.metrics import NONE, header, number
from tfg.record.pieces import starts_of
from tfg.record.results import DamagedRecord
from tfg.statistics.comparison import Difference, compare, holes
from tfg.statistics.pairing import NoPair, Scored, matched
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """The table, or with --json metric -> {difference, low, high, ...}, on stdout, and a line of what else differs."""
    first, second = _groups(options.runs, options.against)
    try:
        cells, left_out = matched([read(Path(given)) for given in first], [read(Path(given)) for given in second])
    except NoPair as error:
        raise InputError(str(error)) from error
    if left_out:
        print(f"tfg: without a partner, left out: {', '.join(left_out)}", file=sys.stderr)
    found = compare(cells)
    apart = differences.sentence(
        differences.between((one.settings, other.settings) for cell in cells for one, other in cell.pairs())
    )
    if options.output is not None:
        _write(found, first, second, apart, Path(options.output))
    if options.json:
        print(f"tfg: {apart}", file=sys.stderr)
        print(json.dumps(as_json(found), indent=1))
    else:
        print(table(found, first, second, apart))


def read(given: Path) -> Scored:
    """The numbers of a run folder, or of a head folder with one scores file; InputError where it is neither."""
    try:
        if (given / "result.json").is_file():
            return Scored.of(str(given), results.RunResult.read(given / "result.json"))
        if not (given / "head.json").is_file():
            raise InputError(f"{given}: no run (result.json) and no head (head.json); give folders of results/")
        files = sorted(given.glob("scores-*.json"))
        if len(files) != 1:
            remedy = (
                "run `tfg evaluate --head` first" if not files else "name a run folder, whose result.json says which"
            )
            raise InputError(f"{given}: {len(files)} scores files; {remedy}")
        head, scores = results.HeadRecord.read(given), results.ScoresRecord.read(files[0])
    except DamagedRecord as error:
        raise InputError(str(error)) from error
    return Scored(
        name=str(given),
        head=head.head_id,
        clip=head.clip["identity"],
        held_out=scores.truth_digest,
        segment=starts_of(head.segment),
        seed=int(head.config["seed"]),
        metrics=scores.metrics,
        truth=scores.truth,
        settings=differences.of_head(head, scores),
    )


def _write(found: dict[str, Difference], first: Sequence[str], second: Sequence[str], apart: str, output: Path) -> None:
    from tfg.commands.export import write_table
    from tfg.report.export import comparison_table

    write_table(comparison_table(found, _named(first), _named(second), apart), output)


def as_json(found: dict[str, Difference]) -> dict[str, dict[str, object]]:
    keys = ("difference", "low", "high", "probability", "over", "reason")
    return {name: {key: getattr(made, key) for key in keys} for name, made in found.items()}


def table(found: dict[str, Difference], first: Sequence[str], second: Sequence[str], apart: str) -> str:
    """A row a metric that has a difference; above it what else the runs differ in (`apart`), below it what the intervals are over, and
    which metrics have none and why."""
    rows = [["metric", "difference", "95 % interval", "probability of better"]]
    notes: dict[str, list[str]] = {}
    for made in found.values():
        entry, ends = made.entry, (made.low, made.high)
        if made.difference is None:
            continue
        shown = NONE if None in ends else f"{signed(made.low, entry)} to {signed(made.high, entry)}"
        probability = NONE if made.probability is None else f"{made.probability:.3f}"
        rows.append([header(entry), signed(made.difference, entry), shown, probability])
        note = made.reason if made.over is None else f"95 % interval over {made.over}"
        notes.setdefault(note or "", []).append(entry["title"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    said = [f"{note}: {'; '.join(titles)}" for note, titles in notes.items()] + holes(found)
    body = lines if len(rows) > 1 else ["no metric has a number on both sides"]
    return "\n".join([f"{_named(first)} minus {_named(second)}", apart, "", *body, "", *said])


def signed(value: float | None, entry: dict[str, object]) -> str:
    """In the digits of its metric, with a plus sign; a dash for none."""
    text = number(value, entry)
    return text if value is None or text.startswith("-") else f"+{text}"


def _named(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"{len(group)} runs ({group[0]}, ...)"


def _groups(runs: list[str], against: list[str] | None) -> tuple[list[str], list[str]]:
    if against is not None:
        return runs, against
    if len(runs) != 2:
        count = "1 folder" if len(runs) == 1 else f"{len(runs)} folders"
        raise InputError(f"compare: {count}; give two, or two groups with --against between them")
    return runs[:1], runs[1:]
