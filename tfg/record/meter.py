"""What work costs: wall seconds, which depend on what else the machine does, and processor seconds, which hardly do.

Standard library only.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")  # of /proc/<pid>/stat, in 1 / second


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Wall seconds, and processor seconds of all threads; None where they are not known, which makes a sum not known."""

    seconds: float = 0.0
    processor_seconds: float | None = 0.0

    def __add__(self, other: Spent) -> Spent:
        mine, theirs = self.processor_seconds, other.processor_seconds
        known = None if mine is None or theirs is None else mine + theirs
        return Spent(seconds=self.seconds + other.seconds, processor_seconds=known)

    def __sub__(self, other: Spent) -> Spent:
        return self + other.times(-1)

    def times(self, share: float) -> Spent:
        known = None if self.processor_seconds is None else self.processor_seconds * share
        return Spent(seconds=self.seconds * share, processor_seconds=known)

    def rounded(self, prefix: str = "") -> dict[str, float | None]:
        """{`<prefix>seconds`, `<prefix>processor_seconds`} in milliseconds' precision, for a record."""
        known = None if self.processor_seconds is None else round(self.processor_seconds, 3)
        return {f"{prefix}seconds": round(self.seconds, 3), f"{prefix}processor_seconds": known}


def now() -> Spent:
    """Both clocks; the difference of two readings is what was spent between them."""
    return Spent(seconds=time.perf_counter(), processor_seconds=processor_seconds())


def processor_seconds() -> float:
    """User and system seconds so far: of all threads of this process, of the processes it waited for, of its living workers.

    Workers are those of `multiprocessing`, which includes process pools; a living one is read where the system has /proc.
    """
    workers = [of_process(worker.pid) for worker in multiprocessing.active_children()]
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(workers) + sum(usage.ru_utime + usage.ru_stime for usage in used)


def of_process(pid: int | None) -> float:
    """The same of a living process and of the processes that it waited for; 0 where it has just ended, or without /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces
    return sum(map(int, fields[11:15])) / _TICK  # utime, stime, cutime, cstime
