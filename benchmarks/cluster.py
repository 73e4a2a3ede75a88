"""`make cluster-check`: one sweep of short heads, serially and then by SLURM, joblib and Ray while jobs are killed; the same heads?

Every engine gets the cells, loses jobs at random, and gets the same command again until all is done. Then each head is compared with
the serial one: parameters bit by bit, and every number of its scores. What is not installed is left out, with the reason.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from benchmarks import same_heads
from benchmarks.cluster_slurm import Slurm, absent, missing
from benchmarks.short_sweep import short
from tfg.record import provenance
from tfg.record.files import write_text

ROOT = Path(__file__).resolve().parent.parent
SHORT = short(checkpoint_every=20, face=40, mouth=20, fuse=60)
MOST_TRIES = 8  # of the same command
SLOTS = 4


@dataclass
class Outcome:
    """Of one engine."""

    name: str
    seconds: float = 0.0
    processor_seconds: float = 0.0  # of the trainings
    commands: int = 0
    events: Counter[str] = field(default_factory=Counter)
    heads: int = 0
    differing: list[str] = field(default_factory=list)
    left_out: str = ""


def main(arguments: Sequence[str]) -> int:
    """0 where every head of every engine that is here equals the serial one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description="Is a sweep the same everywhere?")
    parser.add_argument("--cells", type=int, default=40, help="heads of the sweep (default 40)")
    parser.add_argument("--folder", type=Path, required=True, help="for the results and SLURM's files; made anew")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--seed", type=int, default=0, help="of what happens to the jobs (default 0)")
    parser.add_argument("--markdown", type=Path, default=ROOT / "benchmarks" / "cluster.md")
    options = parser.parse_args(arguments)
    cells = [f"seed={','.join(map(str, range(-(-options.cells // 4))))}", "start=0,3,6,9", *SHORT]
    serial = _serial(options.folder / "serial", cells)
    outcomes = [serial]
    for name in options.engines:
        outcome = ENGINES[name](options.folder / name, cells, Random(options.seed))
        if not outcome.left_out:
            theirs = options.folder / name / "results"
            outcome.heads = len(same_heads.finished(theirs))
            outcome.differing = same_heads.differing(options.folder / "serial" / "results", theirs)
        outcomes.append(outcome)
        write_text(options.markdown, _markdown(outcomes))
    print(_markdown(outcomes))
    return 0 if all(not outcome.differing and (outcome.left_out or outcome.heads) for outcome in outcomes) else 1


def _serial(folder: Path, cells: list[str]) -> Outcome:
    outcome = Outcome("serial")
    _until_done(folder, [_sweep(cells)], outcome, lambda processes: None)
    outcome.heads = len(same_heads.finished(folder / "results"))
    return outcome


def _slurm(folder: Path, cells: list[str], random: Random) -> Outcome:
    outcome = Outcome("SLURM, two parents")
    if (why := missing() or absent("hydra_plugins.hydra_submitit_launcher", "cluster")) is not None:
        outcome.left_out = why
        return outcome
    with Slurm(folder / "node", SLOTS) as slurm:
        happenings = [slurm.preempt, slurm.drain, slurm.cancel, slurm.requeue]
        due = time.monotonic() + 20

        def disturb(processes: list[subprocess.Popen[bytes]]) -> None:
            nonlocal due
            slurm.hasten()
            if time.monotonic() > due and slurm.running():
                # Each kind as often as the others, in a random order.
                least = min(outcome.events[name] for name in ("preemption", "drain", "scancel", "requeue"))
                rare = [
                    at
                    for at, name in enumerate(("preemption", "drain", "scancel", "requeue"))
                    if outcome.events[name] == least
                ]
                if name := happenings[random.choice(rare)](random):
                    outcome.events[name] += 1
                due = time.monotonic() + random.uniform(8, 16)

        command = [
            *_sweep(cells),
            "hydra/launcher=submitit_slurm",
            "hydra.launcher.partition=low",
            "hydra.launcher.timeout_min=30",
        ]
        _until_done(folder, [command, command], outcome, disturb, slurm.environment)
    return outcome


def _joblib(folder: Path, cells: list[str], random: Random) -> Outcome:
    outcome = Outcome("joblib")
    if (why := absent("hydra_plugins.hydra_joblib_launcher", "cluster")) is not None:
        outcome.left_out = why
        return outcome
    command = [*_sweep(cells), "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    _until_done(folder, [command], outcome, _killing(outcome, random, "loky"))
    return outcome


def _ray(folder: Path, cells: list[str], random: Random) -> Outcome:
    outcome = Outcome("Ray")
    if (why := absent("ray", "ray")) is not None:
        outcome.left_out = why
        return outcome
    command = [sys.executable, "-m", "experiments.on_ray", "--jobs", "2", *cells]
    _until_done(folder, [command], outcome, _killing(outcome, random, "ray::"))
    return outcome


ENGINES = {"slurm": _slurm, "joblib": _joblib, "ray": _ray}


def _sweep(cells: list[str]) -> list[str]:
    return [sys.executable, str(ROOT / "run.py"), "-m", *cells]


def _killing(outcome: Outcome, random: Random, mark: str) -> Callable[[list[subprocess.Popen[bytes]]], None]:
    """SIGKILL for a worker of the sweep now and then, four times in all."""
    due = time.monotonic() + 30

    def disturb(processes: list[subprocess.Popen[bytes]]) -> None:
        nonlocal due
        if time.monotonic() < due or outcome.events["SIGKILL"] >= 4:
            return
        workers = []
        for process in processes:
            with suppress(psutil.Error):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.Error):
                        if mark in " ".join(child.cmdline()) and child.cpu_times().user > 2:
                            workers.append(child)
        if workers:
            random.choice(workers).kill()
            outcome.events["SIGKILL"] += 1
            due = time.monotonic() + random.uniform(20, 40)

    return disturb


def _until_done(
    folder: Path,
    commands: list[list[str]],
    outcome: Outcome,
    disturb: Callable[[list[subprocess.Popen[bytes]]], None],
    environment: dict[str, str] | None = None,
) -> None:
    """All commands at once, then the first again until it ends with 0."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **(environment or os.environ),
        "OMP_NUM_THREADS": "1",  # what launchers give a cell of this size
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    began, codes = time.monotonic(), [1]
    while 0 not in codes and outcome.commands < MOST_TRIES:
        now = commands if outcome.commands == 0 else commands[:1]
        processes = []
        for command in now:
            outcome.commands += 1
            log = (folder / f"{outcome.commands}.log").open("wb")
            processes.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log))
            log.close()
        while any(process.poll() is None for process in processes):
            disturb(processes)
            threading.Event().wait(1.0)
        codes = [process.returncode for process in processes]
    outcome.seconds = time.monotonic() - began
    outcome.processor_seconds = same_heads.training_seconds(folder / "results")


def _markdown(outcomes: list[Outcome]) -> str:
    commit, dirty = provenance.commit()
    machine = provenance.machine()
    lines = [
        "# One sweep on every engine",
        "",
        "`make cluster-check`: the same cells serially and by each engine while its jobs are killed, the same command again until",
        "all is done. Equal: parameters bit by bit, every number of the scores, the same heads of the same runs, no file too many.",
        "Wall seconds are of a machine that did other work too, and hold the waiting between what happened.",
        "",
        f"Commit {commit[:10]}{' with changes' if dirty else ''}, {machine['cpu']}, {machine['cores']} cores.",
        "",
        "| engine | heads | equal to serial | what happened | commands | wall s | training cpu s |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        if outcome.left_out:
            lines.append(f"| {outcome.name} | - | - | left out: {outcome.left_out} | - | - | - |")
            continue
        equal = "-" if outcome.name == "serial" else str(outcome.heads - len(outcome.differing))
        happened = ", ".join(f"{count} {name}" for name, count in sorted(outcome.events.items())) or "-"
        lines.append(
            f"| {outcome.name} | {outcome.heads} | {equal} | {happened} | {outcome.commands} | {outcome.seconds:.0f} | "
            f"{outcome.processor_seconds:.0f} |"
        )
    differing = [f"- {outcome.name}: {', '.join(outcome.differing)}" for outcome in outcomes if outcome.differing]
    return "\n".join([*lines, *(["", "Differing:", *differing] if differing else [])]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
