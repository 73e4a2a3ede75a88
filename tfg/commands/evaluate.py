"""What `tfg evaluate` does with its options: checks them, scores, prints, and writes what was asked for."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from tfg.record import files
from tfg.scoring import folder, report, suite
from tfg.scoring.pair import Request
from tfg.scoring.sheet import write as sheet
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """Scores on stdout, everything else on stderr; InputError when a video failed, after the others are done and written."""
    wanted = folder.requests(_request(options))
    if options.json and not Path(options.json).absolute().parent.is_dir():
        raise InputError(f"--json {options.json}: its folder does not exist; make it first")
    if options.json and Path(options.json).is_dir():
        raise InputError(f"--json {options.json}: is a folder; name a file")
    if options.sheet and len(wanted) > 1:
        raise InputError("--sheet shows one video; give --pred a file")
    if options.sheet:
        sheet.checked(Path(options.sheet))
    records, failures = folder.evaluate_all(wanted, options.jobs)
    if records:
        for note in records[0]["compared"] if len(records) == 1 else ():
            print(f"tfg: {note}", file=sys.stderr)
        print(report.text(records, many=len(wanted) > 1))
    if records and options.json:
        files.write_json(Path(options.json), records[0] if len(wanted) == 1 else _many(records))
    if records and options.name:
        for record in records:
            path = _kept(Path(options.results), record)
            print(f"tfg: kept as {path}", file=sys.stderr)
    if options.sheet:
        print(f"tfg: sheet: {sheet.write_sheet(records[0], wanted[0], Path(options.sheet))}", file=sys.stderr)
    if failures:
        raise InputError(f"{len(failures)} of {len(wanted)} videos could not be scored; the first: {failures[0]}")


def _request(options: argparse.Namespace) -> Request:
    def path(value: str | None, option: str) -> Path | None:
        if value is None:
            return None
        given = Path(value).expanduser()
        if not given.exists():
            raise InputError(f"{option} {value}: no such file or folder")
        return given

    if options.name is not None and not re.fullmatch(r"[\w.+-]+", options.name):
        raise InputError(f"--name {options.name}: it names files; use letters, digits, dots, dashes and underscores")
    prediction = path(options.pred, "--pred")
    assert prediction is not None
    return Request(
        prediction=prediction,
        truth=path(options.truth, "--truth"),
        audio=path(options.audio, "--audio"),
        reference=path(options.reference, "--reference"),
        au_prediction=path(options.au_pred, "--au-pred"),
        au_truth=path(options.au_truth, "--au-truth"),
        name=options.name,
        resize=options.resize,
        switches=suite.Switches(**{name: False for name in options.without}),
    )


def _many(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "videos": records,
        "mean": folder.summary(records),
        "ground_truth": folder.summary(records, "ground_truth"),
        "interval": folder.INTERVAL,
    }


def _kept(root: Path, record: dict[str, Any]) -> Path:
    """results/evaluations/<name>-<video>-<digest>.json: found by the tables."""
    where = root / "evaluations"
    where.mkdir(parents=True, exist_ok=True)
    name = f"{record['name']}-{Path(record['pred']).stem}-{record['digests'][0][:8]}.json"
    return files.write_json(where / name, record)
