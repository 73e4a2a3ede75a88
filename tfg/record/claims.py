"""Who works on what: one owner at a time, on one machine or on many that share a file system.

A claim is a file that is made exclusively, and whose time its owner renews (filelock's SoftFileLease); no flock is needed. A dead
owner's claim is taken over: at once where its process can be looked for, else after LEASE_SECONDS without a renewal, by the clock of
who waits. Beside it `<claim>.json` says who that is: host, process, cluster job and how often that was restarted.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import SoftFileLease, Timeout

from tfg.record.files import write_json

LEASE_SECONDS = 60.0
POLL_SECONDS = 0.25
NAME = ".claim"  # of the file in a run's or a head's folder
_held: list[Claim] = []


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process that works on something."""

    host: str
    pid: int
    job: str | None = None  # of the cluster; None outside of one
    restart: int = 0  # of that job
    began: float = 0.0  # seconds since 1970, by its own clock

    def text(self) -> str:
        job = "" if self.job is None else f", job {self.job}" + (f" restarted {self.restart}x" if self.restart else "")
        return f"process {self.pid} on {self.host}{job}"

    def ended_before(self, other: Owner) -> bool:
        """A cluster restarts a job only when its process has ended, wherever that was."""
        return self.job is not None and self.job == other.job and self.restart < other.restart


class Taken(RuntimeError):
    """Another owner lives: `by` says which."""

    def __init__(self, path: Path, owner: Owner | None) -> None:
        self.by = owner.text() if owner else "another process"
        super().__init__(f"{path} is held by {self.by}")


class Lost(RuntimeError):
    """A claim of this process was taken over, since it was not renewed for too long: a suspended job, a file system that hung."""


class Claim:
    """One owner's claim on `path`, which need not be there."""

    def __init__(self, path: Path, lease_seconds: float = LEASE_SECONDS) -> None:
        self.path = path
        self._seconds = lease_seconds
        self._lease = SoftFileLease(path, lease_duration=lease_seconds, thread_local=False)

    def take(self) -> None:
        """Taken raises where its owner lives. One of another machine is watched until it renews its claim, a lease at most."""
        self._break_own()
        seen, until = self._renewed(), time.monotonic() + 1.5 * self._seconds
        while not self._try(0.0):
            owner = owner_of(self.path)
            if owner is not None and owner.host == socket.gethostname():
                raise Taken(self.path, owner)  # alive, or `_try` had taken it over
            if (seen is not None and self._renewed() not in (seen, None)) or time.monotonic() > until:
                raise Taken(self.path, owner)
            seen = seen or self._renewed()
            time.sleep(POLL_SECONDS)

    def wait(self) -> None:
        """Returns with the claim, however long its owner lives."""
        self._break_own()
        while not self._try(-1.0):
            pass

    def release(self) -> None:
        """Free for the next, unless it was lost already."""
        _held.remove(self)
        if self._lease.compromise is None:
            owner_path(self.path).unlink(missing_ok=True)
        self._lease.release()

    def check(self) -> None:
        """Lost raises where another owner has taken it over."""
        if self._lease.compromise is not None:
            owner = owner_of(self.path)
            raise Lost(
                f"{self.path} was taken over{f' by {owner.text()}' if owner else ''} while this process stood still"
            )

    def _try(self, timeout: float) -> bool:
        try:
            self._lease.acquire(timeout=timeout, poll_interval=POLL_SECONDS)
        except Timeout:
            return False
        try:
            write_json(owner_path(self.path), asdict(this_process()))
        except OSError:  # a full disk
            self._lease.release()
            raise
        _held.append(self)
        return True

    def _renewed(self) -> int | None:
        try:
            return self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def _break_own(self) -> None:
        """That of this very job before it was restarted."""
        owner = owner_of(self.path)
        if owner is not None and owner.ended_before(this_process()):
            self._lease.break_lock()


@contextmanager
def taken(path: Path) -> Iterator[Claim]:
    """`Claim.take`, held inside."""
    claim = Claim(path)
    claim.take()
    try:
        yield claim
    finally:
        claim.release()


def check() -> None:
    """Lost raises where any claim of this process was taken over: called before what is written counts."""
    for claim in _held:
        claim.check()


def this_process() -> Owner:
    """Who this is, and as which job of a cluster."""
    cluster, job = os.environ.get("SLURM_CLUSTER_NAME", ""), os.environ.get("SLURM_JOB_ID")
    return Owner(
        host=socket.gethostname(),
        pid=os.getpid(),
        job=None if job is None else f"{cluster}:{job}" if cluster else job,
        restart=int(os.environ.get("SLURM_RESTART_COUNT", 0)),
        began=time.time(),
    )


def owner_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def owner_of(path: Path) -> Owner | None:
    """Of a claim; None where nobody has it, or where who has it has not said so yet."""
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = json.loads(owner_path(path).read_text())
        return Owner(**record)
    except (OSError, ValueError, TypeError):
        return None


def is_held(path: Path) -> bool:
    """Whether a living process has this claim, as far as a look can say: one of another machine has renewed it lately."""
    import psutil

    try:
        renewed = path.stat().st_mtime
    except FileNotFoundError:
        return False
    owner = owner_of(path)
    if owner is not None and owner.host == socket.gethostname():
        return bool(psutil.pid_exists(owner.pid))
    return abs(time.time() - renewed) < 3 * LEASE_SECONDS
