"""Runs the cells of a grid that have no result yet, one process a run, and says at the end which failed and why.

With `--launcher joblib|slurm` they are given to what `tfg run -m hydra/launcher=` uses, with the values of `hydra.launcher.*`.
A cell is done when the run of its resolved configuration is, under its metrics setting: defaults count, so a changed default is a
new run, and other weights of a metric are new scores. Each run is `python run.py <overrides>`, which resumes what was interrupted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from experiments.grid import Cell, Grid
from experiments.ledger import write_ledger
from tfg import cells, heads, launching, overrides, parts, sizing
from tfg.launching import JOBLIB, SLURM, Launcher
from tfg.record.results import RunResult, read_failure
from tfg.types import InputError

ROOT = Path(__file__).resolve().parent.parent
LOCAL = "local"
ENGINES = {
    "joblib": ("n_jobs", JOBLIB),
    "slurm": ("array_parallelism", SLURM),
}  # -> key of runs at a time, hydra/launcher


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A cell with its resolved configuration and run folder; `overrides` also holds the choices made for this machine."""

    cell: Cell
    overrides: tuple[str, ...]
    config: DictConfig
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the process of one cell ended."""

    planned: Planned
    code: int
    seconds: float
    log: Path


def main(grid: Grid, arguments: Sequence[str], known: Collection[str] = ()) -> int:
    """0 when every cell has a result, 1 when a run failed, 2 for a mistake on the command line.

    `known`: titles of cells that are not run, since a table has them from another machine.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{grid.name}", description=f"Run the grid {grid.name}."
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="bound to every cell, such as clip.path=my.mp4"
    )
    parser.add_argument("--jobs", type=int, help="runs at a time (default 1; joblib: all cores; slurm: no limit)")
    parser.add_argument(
        "--launcher", choices=[LOCAL, *ENGINES], default=LOCAL, help="what runs them (default local: a process each)"
    )
    parser.add_argument("--dry-run", action="store_true", help="list the cells and what is missing, run nothing")
    options = parser.parse_args(arguments)
    try:
        if options.jobs is not None and options.jobs < 1:
            raise InputError(f"--jobs {options.jobs}: give 1 or more")
        launcher, own = _launcher(options.launcher, options.jobs, options.overrides)
        jobs, dry_run = options.jobs or 1, options.dry_run
        return launch(grid.bound(own), jobs=jobs, dry_run=dry_run, known=known, launcher=launcher)
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2


def _launcher(name: str, jobs: int | None, given: Sequence[str]) -> tuple[Launcher | None, list[str]]:
    """None for a process a run, and the overrides of the cells; InputError where it cannot be used here."""
    if name == LOCAL:
        return None, list(given)
    key, value = ENGINES[name]
    at_once = [] if jobs is None else [f"hydra.launcher.{key}={jobs}"]
    return launching.split([f"{launching.KEY}={value}", *at_once, *given])


def launch(
    grid: Grid,
    *,
    jobs: int = 1,
    dry_run: bool = False,
    known: Collection[str] = (),
    launcher: Launcher | None = None,
) -> int:
    """Run what is missing and not `known`, and write the ledger; the exit code of `main`. `launcher`: None for a process a run."""
    plans = plan(grid)
    results = Path(plans[0].config.results)
    found = finished(plans)
    done = {title: result.run_id for title, result in found.items() if result}
    missing = [planned for planned in plans if planned.cell.title not in done and planned.cell.title not in known]
    _say(f"{grid.name}: {len(plans) - len(missing)} of {len(plans)} cells are done, {len(missing)} to run")
    if dry_run:
        for title in found:
            print(f"{title:40} {done.get(title, 'known' if title in known else 'missing')}")
        return 0
    _record(grid, results, found)
    if launcher is not None:
        return _launch_by(launcher, grid, missing, results, found)
    ends = []
    for end in _run_all(missing, grid.name, results, jobs):
        ends.append(end)
        found |= finished([end.planned])
        _record(grid, results, found)  # after each: a table can show what a killed grid has left
    failed = [end for end in ends if found[end.planned.cell.title] is None]
    for end in failed:
        _say(f"FAILED {end.planned.cell.title}: exit code {end.code}, {last_line(end.log)} (all of it: {end.log})")
    _warn_of_other_commits([result for result in found.values() if result])
    return 1 if failed else 0


def plan(grid: Grid) -> list[Planned]:
    """Compose every cell before the first starts; InputError names the key that is wrong."""
    plans: list[Planned] = []
    said: dict[str | None, None] = {}  # the same choice for every cell is said once
    for cell in grid.cells:
        given = [*cell.overrides, f"group={grid.name}"]
        if not any(text.startswith("estimate=") for text in given):
            given.append("estimate=false")  # its seconds would be spent in every cell
        complete = tuple(overrides.complete(given))
        config = sizing.sized(overrides.composed(complete))
        said[overrides.choice(cell.overrides, complete)] = None
        plans.append(Planned(cell=cell, overrides=complete, config=config, folder=parts.run_folder(config)))
    for line in filter(None, said):
        print(line, file=sys.stderr)
    return plans


def finished(plans: Sequence[Planned]) -> dict[str, RunResult | None]:
    """Title of each cell -> its result, or None; a record that cannot be read is named, and its run is missing."""
    return {
        planned.cell.title: (
            RunResult.read(planned.folder / "result.json") if heads.is_done(planned.config, planned.folder) else None
        )
        for planned in plans
    }


def _launch_by(
    launcher: Launcher, grid: Grid, missing: Sequence[Planned], results: Path, found: dict[str, RunResult | None]
) -> int:
    """The same by a launcher, whose jobs write failure.json."""
    if missing:
        launching.launch(launcher, [cells.of(planned.config, planned.overrides) for planned in missing])
    found |= finished(missing)
    _record(grid, results, found)
    failed = [planned for planned in missing if found[planned.cell.title] is None]
    for planned in failed:
        try:
            why = read_failure(planned.folder)["message"]
        except FileNotFoundError:
            why = "did not finish; the same command goes on with it"
        _say(f"FAILED {planned.cell.title}: {why} ({planned.folder})")
    _warn_of_other_commits([result for result in found.values() if result])
    return 1 if failed else 0


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def _record(grid: Grid, results: Path, found: dict[str, RunResult | None]) -> None:
    write_ledger(results, grid, {title: result.run_id if result else None for title, result in found.items()})


def _run_all(plans: Sequence[Planned], name: str, results: Path, jobs: int) -> Iterator[Ended]:
    logs = results / "grids" / f"{name}-logs"
    logs.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_run, planned, logs, jobs) for planned in plans]
        for number, future in enumerate(as_completed(futures), start=1):
            end = future.result()
            state = "done" if end.code == 0 else f"exit code {end.code}"
            _say(f"{number} of {len(plans)}: {end.planned.cell.title}: {state} after {end.seconds:.0f} s")
            yield end


def _run(planned: Planned, logs: Path, jobs: int) -> Ended:
    """One run in its own process; with several at a time each gets its share of the cores."""
    log = logs / f"{planned.cell.title.replace(' ', '-').replace('/', '_')}.log"
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    _say(f"running {planned.cell.title}, log in {log}")
    started = time.perf_counter()
    with log.open("w") as output:
        command = [sys.executable, str(ROOT / "run.py"), *planned.overrides]
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    return Ended(planned=planned, code=code, seconds=time.perf_counter() - started, log=log)


def _warn_of_other_commits(results: Sequence[RunResult]) -> None:
    commits = sorted({commit[:8] for result in results for commit in result.commits})
    if len(commits) > 1:
        _say(
            f"results come from {len(commits)} commits ({', '.join(commits)}); a table will refuse to mix them unless told"
        )


def _say(text: str) -> None:
    print(f"tfg: {text}", file=sys.stderr, flush=True)
