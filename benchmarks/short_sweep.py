"""A sweep of short heads in a folder of its own, given as often as it takes, and what of it was lost, made again or left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import same_heads
from benchmarks.forks import Fork
from tfg import compiler
from tfg.record.results import HEADS, DamagedRecord, RunRecord

ROOT = Path(__file__).resolve().parent.parent
Process = subprocess.Popen[bytes] | Fork


def short(*, checkpoint_every: int, face: int, mouth: int, fuse: int) -> tuple[str, ...]:
    """Overrides of a head of so many steps, 64 px and 3 s of a clip of 16 s."""
    return (
        "selector=at",
        "seconds=3",
        "clip.synthetic.seconds=16",
        "clip.size=64",
        "trainer=cpu",
        f"trainer.checkpoint_every={checkpoint_every}",
        "tracker=none",
        "estimate=false",
        "audio=logmel",
        "conditioning=audio",
        "metrics=quick",
        "backbone=instag",
        "backbone.stages.warm_up=10",
        f"backbone.stages.face={face}",
        f"backbone.stages.mouth={mouth}",
        f"backbone.stages.fuse={fuse}",
        "group=check",
    )


SHORT = short(checkpoint_every=6, face=20, mouth=10, fuse=20)
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
MOST_TRIES = 12  # of one command that nothing disturbs any more
TRAINING = re.compile(r"^tfg: (\S+): training$", re.M)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a process was doing: the run that it had claimed, and that run's stage; both "start" where it had none."""

    run: str
    stage: str


@dataclass
class Sweep:
    """The cells that begin at `starts`; everything lies below `folder`, the cache too."""

    folder: Path
    starts: Sequence[int] = (0, 4, 8)
    extra: tuple[str, ...] = ()  # overrides beside SHORT
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # a command that runs this one
    commands: int = 0
    processes: list[Process] = field(default_factory=list)
    made: dict[str, tuple[int, int]] = field(default_factory=dict)  # finished head -> inode and time of its record
    spoiled: set[str] = field(default_factory=set)  # heads that are damaged on purpose: they shall be made again
    again: set[str] = field(default_factory=set)  # finished heads whose record was written again or is gone

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def begin_cache(self, clips: Path | None = None) -> None:
        """An own one: only the compiled engines are those of this machine, and the embedded clip where it is given."""
        self.cache.mkdir(mode=0o700)
        (self.cache / "engines").symlink_to(compiler.cache_folder(), target_is_directory=True)
        if clips is not None:
            shutil.copytree(clips, self.cache / "clips")

    def command(self, *more: str) -> list[str]:
        at = not any(text.startswith("selector=") for text in more)
        starts = [f"start={','.join(map(str, self.starts))}"] if at else []
        many = ["-m"] if len(self.starts) > 1 or any("launcher" in text for text in self.extra + more) else []
        return [*self.prefix, sys.executable, str(ROOT / "run.py"), *many, *starts, *SHORT, *self.extra, *more]

    def start(self, *more: str) -> Process:
        """The command once more, as a fork where it is one process of this environment; its log is `<number>.log`."""
        self.look()
        self.commands += 1
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "TFG_CACHE": str(self.cache),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            **self.environment,
        }
        command, log = self.command(*more), self.log(self.commands)
        process: Process
        if self.prefix or self.environment or ("-m" in command[:3] and any("launcher" in text for text in command)):
            with log.open("wb") as file:
                process = subprocess.Popen(
                    command, cwd=self.folder, env=environment, stdout=file, stderr=file, start_new_session=True
                )
        else:
            process = Fork(command[1:], cwd=self.folder, env=environment, log=log)
        self.processes.append(process)
        return process

    def ended(self, process: Process, seconds: float = 600) -> int:
        """Its exit code; TimeoutExpired raises where it hangs."""
        code = process.wait(seconds)
        self.look()
        return code

    def until_done(self, *more: str) -> list[int]:
        """Exit codes of the command given again and again, until it ends with 0."""
        codes = [self.ended(self.start(*more))]
        while codes[-1] != 0 and len(codes) < MOST_TRIES:
            codes.append(self.ended(self.start(*more)))
        return codes

    def log(self, number: int) -> Path:
        return self.folder / f"{number}.log"

    def said(self, number: int = -1) -> list[str]:
        """Lines of tfg of one command, those of stages left out; -1: the last."""
        text = self.log(self.commands if number == -1 else number).read_text(errors="replace")
        return [line for line in text.splitlines() if line.startswith("tfg: ") and not re.search(r": \w+$", line)]

    def tracebacks(self) -> int:
        return sum(
            self.log(number).read_text(errors="replace").count("Traceback") for number in range(1, self.commands + 1)
        )

    def look(self) -> None:
        """Note heads that are finished now, and those whose record is not the one that was noted first."""
        for head in same_heads.finished(self.results):
            stat = (head / "head.json").stat()
            key = (stat.st_ino, stat.st_mtime_ns)
            if self.made.setdefault(head.name, key) != key:
                self.again.add(head.name)
        self.again |= {name for name in self.made if not (self.results / HEADS / name / "head.json").exists()}
        self.again -= self.spoiled

    def trainings(self) -> int:
        """That were begun, by the logs of all commands and of their jobs on a cluster."""
        logs = [self.log(number) for number in range(1, self.commands + 1)]
        logs += self.results.glob(".sweeps/*/*/*_log.*")
        return sum(len(TRAINING.findall(log.read_text(errors="replace"))) for log in logs)

    def doing(self) -> dict[int, Seen]:
        """Of each process that has or had a run in hand when it ended, by its number."""
        found = {}
        for path in self.results.glob("*/progress.json"):
            try:
                pid = json.loads((path.parent / ".claim.json").read_text())["pid"]
                found[pid] = Seen(run=path.parent.name, stage=json.loads(path.read_text())["stage"])
            except (OSError, ValueError, KeyError):
                continue
        return found

    def writes_checkpoint(self) -> bool:
        """Whether one is being written at this moment, or was when its process was killed."""
        return bool(list(self.results.glob(f"{HEADS}/*/last.ckpt.part")))

    def all_recorded(self) -> bool:
        return len(list(self.results.glob("*/result.json"))) >= len(self.starts)

    def faults(self, reference: Path, results: Path | None = None) -> list[str]:
        """What is not as in the undisturbed sweep, nothing where all is well."""
        results = results or self.results
        self.look()
        found = [f"{name} was made again" for name in sorted(self.again)]
        try:
            found += self._differing(reference, results)
        except (DamagedRecord, OSError) as error:
            found.append(str(error))
        left = [*results.rglob(".claim*"), *results.rglob("progress.json"), *results.rglob("failure.json")]
        return found + [f"{path.relative_to(results)} is left" for path in left]

    def _differing(self, reference: Path, results: Path) -> list[str]:
        """The reference has every start, a sweep may have fewer."""
        wanted = {path.name for path in same_heads.finished(results)}
        heads = {RunRecord.read(path).head for path in results.glob("*/result.json")}
        if len(heads) != len(set(self.starts)):
            return [f"{len(heads)} heads, not {len(set(self.starts))}"]
        runs = {path.parent.name for path in results.glob("*/result.json")}
        found = same_heads.differing(reference, results)
        return [
            *(f"{name} differs" for name in found if name in wanted | runs),
            *(f"{Path(name).relative_to(results)} is left" for name in found if "/" in name),
        ]


def tree(process: Process) -> list[psutil.Process]:
    """A process and all that it started and that live."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(process: psutil.Process) -> bool:
    """SIGKILL; whether it lived until then."""
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return True


def gone(processes: Sequence[psutil.Process], seconds: float = 120) -> list[psutil.Process]:
    """Wait for them; those that live on."""
    until = time.monotonic() + seconds
    while (left := [one for one in processes if alive(one)]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
