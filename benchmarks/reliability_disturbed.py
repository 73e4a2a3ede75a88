"""What else happens to a sweep: signals, a full disk, read-only folders, a clock that jumps. What is damaged on disk is in
reliability_damage.py."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.short_sweep import JOBLIB, Process, Sweep
from tfg.record.results import HEADS

FREE_KILOBYTES = (0, 16, 64, 200, 1000, 3500, 6000)  # left of a full disk; a short head has about 5,400
MOST_BYTES = (8_000, 150_000, 1_000_000)  # of one file, where a process may write no more to any
CLOCK = Path(__file__).with_name("jumping_clock.c")
HOUR, DAY = 3600, 86400
JUMPS = (5 * HOUR, -5 * HOUR, 400 * DAY, 0, -DAY, 61)  # seconds
JUMP_SECONDS = 4.0  # between two
LONG = ("backbone.stages.face=7000", "trainer.checkpoint_every=200")  # a training of more than a lease
# Runs a command under another host name, in a namespace of its own.
ELSEWHERE = "import os, socket, sys; socket.sethostname('elsewhere'); os.execvp(sys.argv[1], sys.argv[1:])"


@dataclass
class Row:
    """Of the table: one kind of disturbance."""

    what: str
    cases: int = 0
    codes: list[int] = field(default_factory=list)  # of the disturbed commands
    lines: list[str] = field(default_factory=list)  # that they said, each once
    faults: list[str] = field(default_factory=list)
    left_out: str = ""

    def note(self, sweep: Sweep, codes: list[int], reference: Path, results: Path | None = None) -> None:
        """One more case, which has come to its end."""
        self.cases += 1
        self.codes += codes
        for number in range(1, sweep.commands + 1):
            for line in sweep.said(number):
                if (short := _short(line, sweep)) not in self.lines and " runs: " not in line:
                    self.lines.append(short)
        self.faults += [f"{sweep.folder.name}: {fault}" for fault in sweep.faults(reference, results)]
        self.faults += [f"{sweep.folder.name}: a traceback"] * bool(sweep.tracebacks())


def signals(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """SIGTERM to the parent, SIGINT to all (Ctrl-C), in three stages; then the same command until it is done."""
    for name, extra in (("one process", ()), ("joblib", JOBLIB)):
        for sent in (signal.SIGTERM, signal.SIGINT):
            row = Row(f"{sent.name}, {name}")
            for stage in ("start", "training", "metrics"):
                sweep = _sweep(folder / f"{sent.name}-{name[:3]}-{stage}", reference, starts=(0, 4), extra=extra)
                process = sweep.start()
                _await(sweep, process, stage, random)
                with suppress(ProcessLookupError):  # it has just ended, by itself: an exit code of 0 in the table
                    if sent == signal.SIGINT:
                        os.killpg(process.pid, sent)
                    else:
                        process.send_signal(sent)
                codes = [sweep.ended(process)]
                sweep.until_done()
                row.note(sweep, codes, reference)
            yield row


def full_disk(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """Results on a file system with little room, then with enough; the same for the cache; and files that may not grow."""
    row = Row("full disk under results")
    if why := _cannot_mount():
        row.left_out = why
    for free in () if why else FREE_KILOBYTES:
        sweep = _sweep(folder / f"disk-{free}k", reference, starts=(0,))
        with _mounted(sweep.results):
            _fill(sweep.results / "ballast", free)
            codes = [sweep.ended(sweep.start())]
            (sweep.results / "ballast").unlink()
            sweep.until_done()
            row.note(sweep, codes, reference)
    yield row
    row = Row("full disk under the cache", left_out=row.left_out)
    for free in () if why else (0, 200):
        sweep = Sweep(folder=folder / f"cache-{free}k", starts=(0,))
        sweep.cache.mkdir()
        with _mounted(sweep.cache):
            shutil.copytree(reference.parent / "cache" / "clips", sweep.cache / "clips")
            (sweep.cache / "engines").symlink_to((reference.parent / "cache" / "engines").resolve())
            _fill(sweep.cache / "ballast", free)
            codes = [sweep.ended(sweep.start())]
            (sweep.cache / "ballast").unlink()
            sweep.until_done()
            row.note(sweep, codes, reference)
    yield row
    row = Row("no file may be larger than a limit")
    for limit in MOST_BYTES:
        sweep = _sweep(folder / f"limit-{limit}", reference, starts=(0,))
        sweep.prefix = ("prlimit", f"--fsize={limit}")
        codes = [sweep.ended(sweep.start())]
        sweep.prefix = ()
        sweep.until_done()
        row.note(sweep, codes, reference)
    yield row


def read_only(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """Results or cache that cannot be written, empty and filled; then they can."""
    why = _cannot_mount()
    for name, filled, place in (
        ("results, empty", False, "results"),
        ("results of a finished sweep", True, "results"),
        ("cache, empty", False, "cache"),
        ("cache with all that is needed", True, "cache"),
    ):
        row = Row(f"read-only {name}", left_out=why)
        if not why:
            sweep = Sweep(folder=folder / name.replace(" ", "-").replace(",", ""), starts=(0,))
            other = {"results": sweep.cache, "cache": sweep.results}[place]
            at = {"results": sweep.results, "cache": sweep.cache}[place]
            if other == sweep.cache:
                sweep.begin_cache(reference.parent / "cache" / "clips")
            with _mounted(at):
                if place == "cache":
                    (sweep.cache / "engines").symlink_to((reference.parent / "cache" / "engines").resolve())
                    shutil.copytree(reference.parent / "cache" / "clips", sweep.cache / "clips")
                if filled:
                    sweep.until_done()
                    if place == "cache":
                        shutil.rmtree(sweep.results)
                        sweep.made.clear()
                _mount("-o", "remount,ro", str(at))
                codes = [sweep.ended(sweep.start())]
                _mount("-o", "remount,rw", str(at))
                sweep.until_done()
                row.note(sweep, codes, reference)
        yield row


def clock(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """A clock that jumps forward and back while a head is trained, and while another machine waits for it for longer than a lease."""
    row = Row("clock jumps by hours and days")
    if (compiler := shutil.which("cc")) is None:
        row.left_out = "no C compiler"
        yield row
        return
    library = folder / "jumping_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(CLOCK), "-ldl"], check=True)
    sweep = _sweep(folder / "alone", reference, starts=(0, 4))
    sweep.environment = _jumping(library, folder / "alone.clock")
    process = sweep.start()
    _jump_until_ended([process], folder / "alone.clock", random)
    row.note(sweep, [sweep.ended(process)], reference)
    yield row
    row = Row("clock jumps of an owner and of a waiting machine")
    if os.geteuid() != 0:
        row.left_out = "another host name needs root"
        yield row
        return
    quiet = _sweep(folder / "long-reference", reference, starts=(0,), extra=LONG)
    quiet.until_done()
    sweep = _sweep(folder / "two-machines", reference, starts=(0,), extra=LONG)
    sweep.environment = _jumping(library, folder / "two.clock")
    owner = sweep.start()
    _await(sweep, owner, "training", random)
    sweep.prefix = ("unshare", "--uts", sys.executable, "-c", ELSEWHERE)
    waiting = sweep.start()
    _jump_until_ended([owner, waiting], folder / "two.clock", random)
    row.note(sweep, [sweep.ended(owner), sweep.ended(waiting)], quiet.results)
    if sweep.trainings() != 1:
        row.faults.append(f"{sweep.trainings()} trainings of one head were begun")
    yield row


def _sweep(folder: Path, reference: Path, starts: tuple[int, ...] = (0, 4, 8), extra: tuple[str, ...] = ()) -> Sweep:
    sweep = Sweep(folder=folder, starts=starts, extra=extra)
    sweep.begin_cache(reference.parent / "cache" / "clips")
    return sweep


def _await(sweep: Sweep, process: Process, stage: str, random: Random) -> None:
    if stage == "start":
        time.sleep(random.uniform(0.1, 1))
        return
    while process.poll() is None and not any(seen.stage == stage for seen in sweep.doing().values()):
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.5 if stage == "training" else 0.1))


def _jumping(library: Path, path: Path) -> dict[str, str]:
    path.write_text("0\n")
    return {"LD_PRELOAD": str(library), "TFG_CLOCK": str(path)}


def _jump_until_ended(processes: list[Process], path: Path, random: Random) -> None:
    while any(process.poll() is None for process in processes):
        partial = path.with_suffix(".next")
        partial.write_text(f"{random.choice(JUMPS)}\n")
        partial.replace(path)
        time.sleep(JUMP_SECONDS)


def _fill(path: Path, free_kilobytes: int) -> None:
    usage = shutil.disk_usage(path.parent)
    path.write_bytes(bytes(max(0, usage.free - 1024 * free_kilobytes)))


def _cannot_mount() -> str:
    return "" if os.geteuid() == 0 and shutil.which("mount") else "mounting needs root"


@contextmanager
def _mounted(folder: Path, megabytes: int = 12) -> Iterator[None]:
    """A file system of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _short(line: str, sweep: Sweep) -> str:
    """Without names and numbers that differ between cases."""
    for path in sorted(sweep.results.glob(f"{HEADS}/*")) + sorted(sweep.results.glob("*-*-seed0-*")):
        line = line.replace(path.name, "<head>" if path.parent.name == HEADS else "<run>")
    line = line.replace(str(sweep.folder), "<folder>")
    for pattern, name in (
        (r"[0-9a-f]{2}/[0-9a-f]{32}", "<entry>"),
        (r"process \d+ on \w+", "process <n> on <host>"),
        (r"from step \d+", "from step <n>"),
        (r"(not a readable record) \(.*\)", r"\1 (<why>)"),
        (r"scores-[0-9a-f]{8}", "scores-<hash>"),
        (r"(damaged) \(.*\)(; computing it again)", r"\1 (<why>)\2"),
    ):
        line = re.sub(pattern, name, line)
    return line
