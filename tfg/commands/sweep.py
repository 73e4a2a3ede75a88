"""A sweep as a whole: checked before its first run starts, given to what runs its cells, and the table after its last."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from tfg import cells, jobs, launching, parts, preflight
from tfg.cells import Cell
from tfg.launching import Launcher
from tfg.record import claims, identity, standing, table
from tfg.record import evaluations as kept
from tfg.record.files import remedy, remove_abandoned, write_text
from tfg.record.kinds import kind_of
from tfg.record.results import DamagedRecord, RunResult, read_failure
from tfg.types import InputError

MULTIRUN = ("-m", "--multirun")
DRY_RUN = "--dry-run"


def start(arguments: list[str], job: Callable[[list[str]], None]) -> int:
    """A run or a sweep from its command line: every cell is checked before the first starts; the table comes after the last.

    `job` runs the unfinished cells by hydra. Exit code 0, 1 (a run failed) or 2 (input).
    """
    flags = [text for text in arguments if text.startswith("-")]
    asked = [text for text in arguments if not text.startswith("-")]
    try:
        options = _options(flags)
        launcher, asked = launching.split(asked)
        if launcher is not None and not options.multirun:
            raise InputError(f"{launching.KEY}={launcher.name}: runs the cells of a sweep, also of one cell; add -m")
        elsewhere = launcher is not None and launcher.elsewhere
        plan = cells.planned(asked, multirun=options.multirun, elsewhere=elsewhere)
        if options.dry_run or (plan.missing and len(plan.cells) > 1):
            _foresee(plan, launcher, listed=options.dry_run)
        if options.dry_run:
            return 0
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2
    expected = None
    if len(plan.cells) > 1 and plan.missing:
        runs = {cell.folder.name: kind_of(cell.plain).digest for cell in plan.cells}
        expected = standing.expect(plan.cells[0].results, runs)
    if not plan.missing:
        count = len(plan.cells)
        print(f"tfg: all {count} runs are done already" if count > 1 else "tfg: done already", file=sys.stderr)
        _track_found(plan.cells)
    elif launcher is not None:
        try:
            launching.launch(launcher, plan.missing, on_interrupt=options.on_interrupt)
        except InputError:  # no cell was begun; of a sweep of which none was before, none is waited for
            if expected is not None and len(plan.missing) == len(plan.cells):
                expected.unlink(missing_ok=True)
            raise
    else:
        job([*(["-m"] if options.multirun else []), *plan.given])
    code = report(plan.cells, here=not elsewhere)
    if plan.missing and len(plan.cells) > 1:
        _track(plan.cells)
    return code


@dataclass(frozen=True, kw_only=True)
class Options:
    """Of `tfg run` beside Hydra's."""

    multirun: bool
    on_interrupt: str
    dry_run: bool


def _options(flags: list[str]) -> Options:
    """InputError for what is no option."""
    on_interrupt = jobs.ASK
    for flag in flags:
        name, _, value = flag.partition("=")
        if name == "--on-interrupt":
            if value not in jobs.CHOICES:
                raise InputError(f"{flag}: give --on-interrupt={'|'.join(jobs.CHOICES)}")
            on_interrupt = value
        elif flag not in (*MULTIRUN, DRY_RUN):
            raise InputError(
                f"{flag}: is no option of run.py; there are -m for a sweep, {DRY_RUN}, --help and --cfg job"
            )
    return Options(multirun=bool(set(flags) & set(MULTIRUN)), on_interrupt=on_interrupt, dry_run=DRY_RUN in flags)


def _foresee(plan: cells.Planned, launcher: Launcher | None, *, listed: bool) -> None:
    """Say what the sweep will need, with `listed` also of every cell; InputError where it cannot fit."""
    from tfg import forecast

    found = forecast.forecast(plan.cells, plan.missing)
    at_once = launching.at_once(launcher, plan.missing)
    if listed:
        for cell in plan.cells:
            print(f"{cell.folder.name:60} {found.states.get(cell.folder.name, 'done')}")
        print("\n".join(dict.fromkeys(forecast.cached(cell) for cell in plan.missing)))
    print(f"tfg: {found.text(at_once)}", file=sys.stderr)
    forecast.refuse(found, plan.cells[0].results, at_once, launching.key_of(launcher))


def _track(sweep: Sequence[Cell]) -> None:
    """The sweep's table, for the tracker."""
    from tfg.trackers.sweeps import track_sweep

    first = sweep[0].plain
    track_sweep(first["tracker"], str(first["group"]), [cell.folder for cell in sweep])


def _track_found(sweep: Sequence[Cell]) -> None:
    """Runs that were done already, where somebody waits for them."""
    from tfg.trackers.sweeps import track_found

    track_found(sweep[0].plain["tracker"], [cell.folder for cell in sweep])


def title(config: DictConfig, number: int) -> str:
    """`run 2 of 4: selector=isexplore seed=1`; nothing where nothing varies."""
    varied = identity.varied(parts.plain(config))
    values = " ".join(f"{axis}={value}" for axis, value in varied.items())
    return f"run {number} of {config.sweep.size}: {values}" if varied else ""


def report(wanted: Sequence[Cell], *, here: bool = True) -> int:
    """Print the table of these cells, write it to results/, list failures; exit code 0, 1, or 2 for bad input only.

    Cells that were left to another process are waited for, and done here where that process ended without them, unless not `here`.
    """
    folders = [cell.folder for cell in wanted]
    for cell in wanted:
        _wait(cell, here=here)
    done: list[tuple[str, RunResult]] = []
    codes: list[int] = []
    for cell in wanted:
        if (cell.folder / "result.json").exists():
            try:
                done.append((cell.label, RunResult.read(cell.folder / "result.json")))
            except DamagedRecord as error:
                print(f"tfg: {error}", file=sys.stderr)
                codes.append(1)
    if done:
        codes.append(_show(wanted[0], done))
    failed = [folder for folder in folders if (folder / "failure.json").exists()]
    for folder in failed:
        codes.append(_failed(folder, alone=len(folders) == 1))
    missing = len(folders) - len({folder for folder in folders if (folder / "result.json").exists()} | set(failed))
    if missing:
        print(
            f"tfg: {missing} of {len(folders)} runs did not finish; the same command goes on with them", file=sys.stderr
        )
        full = shutil.disk_usage(preflight.existing(wanted[0].results)).free < 2**16  # not even failure.json finds room
        codes.append(2 if full else 1)
    return max(codes, default=0) if 1 not in codes else 1


def _wait(cell: Cell, *, here: bool) -> None:
    """Wait for another process that works on this run; where it dies meanwhile do the run, if that is to be done `here`."""
    folder = cell.folder
    if not (folder / claims.NAME).exists() or _ended(cell):
        return
    claim = claims.Claim(folder / claims.NAME)
    try:
        claim.take()
        claim.release()
        return
    except claims.Taken as taken:
        print(f"tfg: waiting for {folder.name}, which {taken.by} runs", file=sys.stderr)
    claim.wait()
    claim.release()
    if here and not _ended(cell):
        from tfg import pipeline

        pipeline.run(cell.config)


def _ended(cell: Cell) -> bool:
    return cell.result() is not None or (cell.folder / "failure.json").exists()


def _show(first: Cell, done: list[tuple[str, RunResult]]) -> int:
    """The table on stdout and in a file of its own; 2 where the disk is full."""
    root = first.results
    text = table.markdown(done, evaluations(root))
    print(text)
    for _, result in done:
        print(f"{result.run_id}\n  video  {root / result.files['side_by_side']}")
        print(f"  plot   {root / result.files['selection_plot']}")
    path = root / f"table-{first.plain['group']}.md"
    try:
        remove_abandoned(path)
        write_text(path, text + "\n")
    except OSError as error:
        print(
            f"tfg: {path}: {error.strerror}; the table above could not be written; {remedy(error)} and repeat",
            file=sys.stderr,
        )
        return 2
    print(f"table: {path}")
    return 0


def _failed(folder: Path, *, alone: bool) -> int:
    """Say why a run failed, which a single one has done itself just before; its exit code."""
    try:
        failure = read_failure(folder)
    except DamagedRecord as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 1
    if not alone:
        print(f"tfg: {folder.name} failed in {failure['stage']}: {failure['message']}", file=sys.stderr)
    return 2 if failure.get("user") else 1


def evaluations(root: Path) -> list[dict[str, Any]]:
    """What `tfg evaluate --name` kept below a results folder, in the order of names; a damaged file is named in one line."""
    records, problems = kept.read_all(root)
    for problem in problems:
        print(f"tfg: {problem}", file=sys.stderr)
    return records
