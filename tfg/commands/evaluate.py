"""What `tfg evaluate` does with its options: checks them before torch is imported, scores, prints, writes what was wanted."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tfg import heads, overrides, parts
from tfg.record import evaluations, files
from tfg.scoring.request import HELD_OUT, Request, requests
from tfg.scoring.sheet.place import checked
from tfg.split import amount_of, split
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """Scores on stdout, everything else on stderr; InputError when a video failed, after the others are done and written."""
    if options.head is not None:
        return _head(options)
    if options.views is not None:
        raise InputError("--views: goes with --head; a video shows one pose a frame")
    wanted = _checked(options)
    from tfg.scoring import folder, report

    records, failures = folder.evaluate_all(wanted, options.jobs)
    if records:
        print(report.text(records, many=len(wanted) > 1, definitions=options.definitions))
    if records and options.json:
        files.write_json(Path(options.json), records[0] if len(wanted) == 1 else _many(records))
    if records and options.name:
        for record in records:
            print(f"tfg: kept as {evaluations.keep(Path(options.results), record)}", file=sys.stderr)
    if options.sheet:
        from tfg.scoring.sheet.write import write_sheet

        print(f"tfg: sheet: {write_sheet(records[0], wanted[0], Path(options.sheet))}", file=sys.stderr)
    if failures:
        raise InputError(f"{len(failures)} of {len(wanted)} videos could not be scored; the first: {failures[0]}")


def _head(options: argparse.Namespace) -> None:
    """Score a trained head anew where its scores under these metrics are not there yet."""
    for option in ("truth", "audio", "reference", "held_out", "name", "au_pred", "au_truth", "sheet", "resize"):
        if getattr(options, option):
            raise InputError(f"--{option.replace('_', '-')}: goes with --pred; a head has its own truth and sound")
    folder = heads.folder_of(Path(options.head))
    heads.read(folder)
    from tfg import trained
    from tfg.scoring import report

    record = trained.score_head(folder, _switches(options))
    print(report.of_head(record, definitions=options.definitions))
    if options.json:
        files.write_json(Path(options.json), asdict(record))


def _checked(options: argparse.Namespace) -> list[Request]:
    """Everything of the options that can be known to be wrong before anything is scored."""
    wanted = requests(_request(options))
    if options.jobs < 1:
        raise InputError(f"--jobs {options.jobs}: must be 1 or more")
    if options.json and not Path(options.json).absolute().parent.is_dir():
        raise InputError(f"--json {options.json}: its folder does not exist; make it first")
    if options.json and Path(options.json).is_dir():
        raise InputError(f"--json {options.json}: is a folder; name a file")
    if options.sheet and len(wanted) > 1:
        raise InputError("--sheet shows one video; give --pred a file")
    if options.sheet:
        checked(Path(options.sheet))
    if len(wanted) == 1:  # of a folder, one that cannot be read must not lose the others
        _check_files(wanted[0])
    return wanted


def _check_files(request: Request) -> None:
    """InputError for files that cannot be read or compared; still without torch."""
    from tfg.clip.read import read_clip
    from tfg.metrics.openface import read_action_units
    from tfg.scoring.videos import compare

    compare(request.prediction, request.truth, request.audio, resize=request.resize)
    if request.reference is not None:
        split(read_clip(request.reference), request.held_out, HELD_OUT)
    for path in (request.au_prediction, request.au_truth):
        if path is not None:
            read_action_units(path)


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
    reference, held_out = _reference(path(options.reference, "--reference"), options.held_out)
    return Request(
        prediction=prediction,
        truth=path(options.truth, "--truth"),
        audio=path(options.audio, "--audio"),
        reference=reference,
        held_out=held_out,
        au_prediction=path(options.au_pred, "--au-pred"),
        au_truth=path(options.au_truth, "--au-truth"),
        name=options.name,
        resize=options.resize,
        switches=heads.suite_switches(_switches(options)),
    )


def _reference(given: Path | None, held_out: str | None) -> tuple[Path | None, str]:
    """The video that a method was trained on, and what of its end it was not; a head's own where a head or a run is given."""
    if given is None:
        if held_out is not None:
            raise InputError(f"{HELD_OUT} {held_out}: is of the video of --reference; give one")
        return None, ""
    if given.is_dir():
        if held_out is not None:
            raise InputError(
                f"{HELD_OUT} {held_out}: --reference {given} is a head, which has its own split; remove it"
            )
        head = heads.opened(heads.folder_of(given))
        return head.clip.path, str(head.config.split.held_out)
    amount = held_out if held_out is not None else str(overrides.composed(["trainer=cpu"]).split.held_out)
    amount_of(amount, HELD_OUT)
    return given, amount


def _switches(options: argparse.Namespace) -> dict[str, Any]:
    """conf/metrics/full.yaml without what is left out."""
    full = parts.plain(overrides.composed(["metrics=full", "trainer=cpu"]))["metrics"]
    return full | dict.fromkeys(options.without, False) | ({} if options.views is None else {"views": options.views})


def _many(records: list[dict[str, Any]]) -> dict[str, Any]:
    from tfg.scoring import folder

    return {
        "videos": records,
        "mean": folder.summary(records),
        "ground_truth": folder.summary(records, "ground_truth"),
        "interval": folder.INTERVAL,
    }
