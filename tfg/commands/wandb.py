"""`tfg wandb sync` mirrors a results folder in wandb anew, of its own files alone; `tfg wandb pull` reads runs back as a table."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfg.progress import counted
from tfg.record.files import write_text
from tfg.record.results import DamagedRecord
from tfg.trackers import mirror, sweeps
from tfg.trackers.base import Named, finished, first_line, named, replay, sweep_named
from tfg.types import InputError

if TYPE_CHECKING:
    from tfg.trackers.wandb import WandbTracker

OFFLINE = ".wandb"  # in a results folder: what was written without a server


def run(options: argparse.Namespace) -> int:
    return sync(options) if options.action == "sync" else pull(options)


def sync(options: argparse.Namespace) -> int:
    """Every finished run and a table a sweep; what is there under their ids is replaced. 1 where a record could not be read."""
    results = _results(options.results)
    mirrors, code = _mirrors(results)
    (results / OFFLINE).mkdir(exist_ok=True)
    groups: dict[str, list[mirror.Mirror]] = {}
    for found in mirrors:
        groups.setdefault(found.result.group, []).append(found)
    several = {group: members for group, members in groups.items() if len(members) > 1}
    try:
        online = [_sent(options, results, found) for found in mirrors]
        online += [_sent_table(options, results, group, members) for group, members in several.items()]
    except Exception as error:  # of many kinds, from the library or its server
        print(f"tfg: wandb: {first_line(error)}; repeat the command", file=sys.stderr)
        return 1
    where = "" if all(online) else f", offline in {results / OFFLINE}"
    sent = f"{counted(len(mirrors), 'run')} and {counted(len(several), 'sweep')}"
    print(f"{sent} mirrored in wandb project {options.project}{where}")
    return code


def _sent(options: argparse.Namespace, results: Path, found: mirror.Mirror) -> bool:
    """All of a run; whether to a server."""
    with _opened(options, named(found.result.config, results / found.result.run_id), results) as tracker:
        replay(tracker, found)
        tracker.record(found)
    return tracker.online


def _sent_table(options: argparse.Namespace, results: Path, group: str, members: list[mirror.Mirror]) -> bool:
    """The table of a sweep; whether to a server."""
    with _opened(options, sweep_named(group, results), results) as tracker:
        sweeps.send(tracker, members)
    return tracker.online


@contextmanager
def _opened(options: argparse.Namespace, whose: Named, results: Path) -> Iterator[WandbTracker]:
    """Finished at the end of the block."""
    from tfg.trackers.wandb import WandbTracker

    settings = {"mode": options.mode, "project": options.project, "artifacts": options.artifacts}
    with finished(WandbTracker(whose, settings, anew=True, files=results / OFFLINE)) as tracker:
        yield tracker


def pull(options: argparse.Namespace) -> int:
    """The runs of a project as CSV; with --check also whether they say what the records of a results folder say."""
    from tfg.trackers import wandb

    rows = wandb.pulled(options.project, options.entity, options.group)
    if not rows:
        raise InputError(f"wandb project {options.project}: holds no run of tfg{_of(options.group)}")
    text = as_csv(rows)
    if options.output:
        write_text(Path(options.output), text)
        print(options.output)
    else:
        print(text, end="")
    return 0 if options.check is None else _check(rows, _results(options.check))


def as_csv(rows: list[dict[str, Any]]) -> str:
    """One column a name, one line a run, by id; numbers with all their digits, empty where a run has none."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: str(row["run_id"])))
    return file.getvalue()


def _check(rows: list[dict[str, Any]], results: Path) -> int:
    """A line on stderr for each run that differs; 1 where one does."""
    mirrors, code = _mirrors(results)
    ours = {found.result.run_id: mirror.row(found.result.config, found.summary) for found in mirrors}
    for row in rows:
        own = ours.get(row["run_id"])
        wrong = sorted(name for name in own.keys() | row.keys() if own.get(name) != row.get(name)) if own else []
        if own is None or wrong:
            why = f"differs in {', '.join(wrong[:3])}" if wrong else f"is not in {results}"
            print(f"tfg: {row['run_id']}: {why}", file=sys.stderr)
            code = 1
    if not code:
        print(f"tfg: {counted(len(rows), 'run')}, all as in {results}", file=sys.stderr)
    return code


def _mirrors(results: Path) -> tuple[list[mirror.Mirror], int]:
    """Of every finished run, and 1 where a record is damaged, which is named."""
    mirrors, code = [], 0
    for path in sorted(results.glob("*/result.json")):
        try:
            mirrors.append(mirror.read(path))
        except DamagedRecord as error:
            print(f"tfg: {error}", file=sys.stderr)
            code = 1
    if not mirrors:
        raise InputError(f"{results}: holds no finished run")
    return mirrors, code


def _results(given: str) -> Path:
    if not Path(given).is_dir():
        raise InputError(f"{given}: is no folder; give a results folder, such as results")
    return Path(given)


def _of(group: str | None) -> str:
    return "" if group is None else f" in group {group}"
