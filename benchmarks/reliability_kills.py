"""SIGKILL at random moments to random processes of a sweep, and the same command again: on this machine, or across SLURM."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from benchmarks.cluster_slurm import Slurm, absent, missing
from benchmarks.short_sweep import JOBLIB, Process, Sweep, alive, gone, kill, tree

# A moment to wait for -> most seconds until the kill after it began: about as long as it lasts.
MOMENTS = {
    "start": 4.0,
    "selection": 0.4,
    "features_train": 0.06,
    "features_held_out": 0.12,
    "training": 1.2,
    "checkpoint": 0.002,
    "rendering": 0.2,
    "metrics": 0.3,
    "table": 0.15,
}
POLL_SECONDS = 0.0005
LONGEST = 240.0  # seconds without the moment that is waited for
SLURM = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=low", "hydra.launcher.timeout_min=30")
SLOTS = 3


@dataclass
class Kills:
    """Of one engine, in as many sweeps as it took."""

    engine: str
    asked: int
    minutes: float = 0.0  # after which no more were asked for
    hits: Counter[str] = field(default_factory=Counter)  # by the stage that the killed process was in
    victims: Counter[str] = field(default_factory=Counter)
    sweeps: int = 0
    commands: int = 0
    heads: int = 0
    trainings: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    left_out: str = ""

    @property
    def done(self) -> int:
        return sum(self.hits.values())


Victim = Callable[[Sweep, Process, str, Random], "tuple[psutil.Process, str] | None"]


def serial(folder: Path, reference: Path, random: Random, count: int, minutes: float) -> Kills:
    """The one process of a sweep that runs its cells itself."""
    return _killed("one process", folder, reference, random, count, minutes, (), _parent, {})


def joblib(folder: Path, reference: Path, random: Random, count: int, minutes: float) -> Kills:
    """The parent, the worker that is in the stage, or any other process of the sweep."""
    if (why := absent("hydra_plugins.hydra_joblib_launcher", "cluster")) is not None:
        return Kills(engine="joblib", asked=count, left_out=why)
    return _killed("joblib", folder, reference, random, count, minutes, JOBLIB, _parent_or_worker, {})


def cluster(folder: Path, reference: Path, random: Random, count: int, minutes: float) -> Kills:
    """The parent, or of a job its training, its step's slurmstepd, its srun, its script or its script's slurmstepd."""
    if (why := missing() or absent("hydra_plugins.hydra_submitit_launcher", "cluster")) is not None:
        return Kills(engine="SLURM", asked=count, left_out=why)
    with Slurm(folder / "node", SLOTS) as slurm:
        due = 0.0

        def meanwhile() -> None:
            nonlocal due
            slurm.hasten()
            if time.monotonic() > due:
                slurm.notice()
                due = time.monotonic() + 10

        return _killed(
            "SLURM", folder, reference, random, count, minutes, SLURM, _of_a_job, slurm.environment, meanwhile
        )


def _killed(
    engine: str,
    folder: Path,
    reference: Path,
    random: Random,
    count: int,
    minutes: float,
    extra: tuple[str, ...],
    victim: Victim,
    environment: dict[str, str],
    meanwhile: Callable[[], None] = lambda: None,
) -> Kills:
    made = Kills(engine=engine, asked=count, minutes=minutes)
    moments: list[str] = []
    until = time.monotonic() + 60 * minutes
    while made.done < count and time.monotonic() < until:
        made.sweeps += 1
        sweep = Sweep(folder=folder / f"{made.sweeps}", extra=extra, environment=environment)
        sweep.begin_cache(reference.parent / "cache" / "clips")
        known: dict[int, psutil.Process] = {}
        process = sweep.start()
        while made.done < count and time.monotonic() < until:
            moments = moments or random.sample(list(MOMENTS), len(MOMENTS))  # each as often as the others
            if not _await(moments[-1], sweep, process, meanwhile):
                if sweep.all_recorded():
                    break  # nothing is left of this sweep
                process = sweep.start()
                continue
            _pause(random.uniform(0, MOMENTS[moments[-1]]))
            try:
                chosen = victim(sweep, process, moments[-1], random)
            except psutil.Error:  # it has ended meanwhile
                continue
            at_work = {seen.stage for pid, seen in sweep.doing().items() if _lives(pid)}
            known |= {one.pid: one for one in tree(process)} if chosen and chosen[1] == "parent" else {}
            if chosen is None or not kill(chosen[0]):
                continue
            gone([chosen[0]])
            known[chosen[0].pid] = chosen[0]
            made.hits[_hit(sweep, moments.pop(), chosen[0].pid, at_work)] += 1
            made.victims[chosen[1]] += 1
            if chosen[1] == "parent":
                process.wait()
                process = sweep.start()
        made.codes[process.wait()] += 1
        for _ in range(2):
            codes = _ended(sweep, meanwhile)
            made.codes.update(codes)
            if codes[-1] == 0:
                break
        left = gone(list(known.values()))
        made.faults += [f"{engine} {made.sweeps}: process {one.pid} lives on" for one in left]
        made.faults += [f"{engine} {made.sweeps}: {fault}" for fault in sweep.faults(reference)]
        made.faults += [f"{engine} {made.sweeps}: a traceback"] * bool(sweep.tracebacks())
        made.commands += sweep.commands
        made.heads += len(sweep.made)
        made.trainings += sweep.trainings()
    return made


def _ended(sweep: Sweep, meanwhile: Callable[[], None]) -> list[int]:
    process = sweep.start()
    while process.poll() is None:
        meanwhile()
        _pause(0.3)
    return [sweep.ended(process)]


def _await(moment: str, sweep: Sweep, process: Process, meanwhile: Callable[[], None]) -> bool:
    """Until a process of the sweep is there; False where the command has ended before."""
    if moment == "start":
        return process.poll() is None
    until, looked = time.monotonic() + LONGEST, 0.0
    while process.poll() is None and time.monotonic() < until:
        if moment == "checkpoint":
            if sweep.writes_checkpoint():
                return True
        elif moment == "table":
            if sweep.all_recorded() and not sweep.doing():
                return True
        elif any(seen.stage == moment and _lives(pid) for pid, seen in sweep.doing().items()):
            return True
        if time.monotonic() > looked + 1:
            sweep.look()
            meanwhile()
            looked = time.monotonic()
        _pause(POLL_SECONDS)
    return False


def _hit(sweep: Sweep, moment: str, pid: int, at_work: set[str]) -> str:
    """The stage of the killed process's run, by what it has left; else of the runs that other processes had in hand."""
    seen = sweep.doing().get(pid)
    stages = {seen.stage} if seen is not None else at_work
    if "training" in stages and sweep.writes_checkpoint():
        return "checkpoint"
    if moment in stages or not stages:
        return moment if moment in (*stages, "start", "table") else "between stages"
    return sorted(stages)[0]


def _parent(sweep: Sweep, process: Process, moment: str, random: Random) -> tuple[psutil.Process, str] | None:
    found = tree(process)
    return (found[0], "parent") if found else None


def _parent_or_worker(sweep: Sweep, process: Process, moment: str, random: Random) -> tuple[psutil.Process, str] | None:
    draw = random.random()
    if moment == "table" or draw < 0.25:
        return _parent(sweep, process, moment, random)
    holding = [pid for pid, seen in sweep.doing().items() if _is(seen.stage, moment) and _lives(pid)]
    if holding and draw < 0.9:
        return psutil.Process(random.choice(holding)), "worker"
    found = tree(process)
    if len(found) < 2:
        return _parent(sweep, process, moment, random)
    other = random.choice(found[1:])
    return other, "worker" if "LokyProcess" in " ".join(other.cmdline()) else "helper"


def _of_a_job(sweep: Sweep, process: Process, moment: str, random: Random) -> tuple[psutil.Process, str] | None:
    found = tree(process)
    if moment == "table" or (found and random.random() < 0.15):
        return (found[0], "parent") if found else None
    doing = {pid: seen for pid, seen in sweep.doing().items() if _lives(pid)}
    kinds: dict[str, list[psutil.Process]] = {}
    for one, job in _processes_of_jobs(sweep.environment["SLURM_CONF"]):
        if one.pid in doing and _is(doing[one.pid].stage, moment):
            kinds.setdefault("training", []).append(one)
        elif one.name() in ("srun", "bash", "sh", "slurm_script"):
            kinds.setdefault("srun" if one.name() == "srun" else "script", []).append(one)
        elif "submitit" in job:
            kinds.setdefault("starting job", []).append(one)
        above = one.parent()
        if above is not None and above.name().startswith("slurmstepd"):
            kinds.setdefault("slurmstepd", []).append(above)
    if not kinds:
        return None
    likely = [kind for kind in kinds for _ in range(3 if kind == "training" else 1)]
    kind = random.choice(likely)
    return random.choice(kinds[kind]), kind


def _processes_of_jobs(conf: str) -> list[tuple[psutil.Process, str]]:
    """Of the jobs of the cluster with this configuration, with their command lines."""
    found = []
    for one in psutil.process_iter():
        try:
            environ = one.environ()
            if environ.get("SLURM_CONF") == conf and "SLURM_JOB_ID" in environ and one.pid != os.getpid():
                found.append((one, " ".join(one.cmdline())))
        except (psutil.Error, OSError):
            continue
    return found


def _is(stage: str, moment: str) -> bool:
    return stage == ("training" if moment == "checkpoint" else moment)


def _lives(pid: int) -> bool:
    try:
        return alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _pause(seconds: float) -> None:
    time.sleep(seconds)
