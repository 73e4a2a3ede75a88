"""A claim has one owner at a time; a dead owner's is taken over, by the same job at once and from another machine after a lease."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfg.record import claims
from tfg.record.claims import Claim, Lost, Taken, owner_of, this_process

ROOT = Path(__file__).resolve().parent.parent
LEASE = 0.9
HOLDER = """
import socket, sys, time
from pathlib import Path
host = sys.argv[2]
if host:
    socket.gethostname = lambda: host
from tfg.record.claims import Claim
claim = Claim(Path(sys.argv[1]), float(sys.argv[3]))
claim.take()
print("held", flush=True)
time.sleep(100)
"""
RACER = """
import sys, time
from pathlib import Path
from tfg.record.claims import Claim
claim, log = Claim(Path(sys.argv[1])), Path(sys.argv[2])
for turn in range(20):
    claim.wait()
    with log.open("a") as file:
        file.write("in\\n"); file.flush()
        time.sleep(0.001)
        file.write("out\\n")
    claim.release()
"""


def started(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def holder(path: Path, host: str = "", **environment: str) -> subprocess.Popen[str]:
    """A process that has the claim, on a machine of that name."""
    process = started(HOLDER, path, host, LEASE, **environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_claim_says_host_process_and_job_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "green")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    with claims.taken(tmp_path / ".claim"):
        owner = owner_of(tmp_path / ".claim")
        assert owner is not None
        assert (owner.pid, owner.job, owner.restart) == (os.getpid(), "green:17", 2)
        assert owner.text() == f"process {os.getpid()} on {owner.host}, job green:17 restarted 2x"
        assert claims.is_held(tmp_path / ".claim")
    assert list(tmp_path.iterdir()) == []
    assert not claims.is_held(tmp_path / ".claim")


def test_a_living_owner_of_this_machine_keeps_its_claim_and_a_killed_one_loses_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".claim"
    process = holder(path)
    claim = Claim(path, LEASE)
    with pytest.raises(Taken, match=f"process {process.pid} on "):
        claim.take()
    end(process)
    assert not claims.is_held(path)
    claim.take()
    assert owner_of(path) is not None
    assert owner_of(path).pid == os.getpid()  # type: ignore[union-attr]
    claim.release()


def test_a_living_owner_of_another_machine_keeps_its_claim_and_a_dead_one_loses_it_after_a_lease(
    tmp_path: Path,
) -> None:
    path = tmp_path / ".claim"
    process = holder(path, "elsewhere")
    _as_of_another_machine(path)
    with pytest.raises(Taken, match="on elsewhere"):
        Claim(path, LEASE).take()
    end(process)
    began = time.monotonic()
    claim = Claim(path, LEASE)
    claim.take()
    assert time.monotonic() - began >= 0.9 * LEASE
    claim.release()


def test_a_restarted_job_takes_its_own_claim_back_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".claim"
    end(holder(path, "elsewhere", SLURM_JOB_ID="17", SLURM_RESTART_COUNT="0"))
    _as_of_another_machine(path)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    claim = Claim(path, 3600.0)  # of which nothing is waited for
    claim.take()
    assert owner_of(path).restart == 1  # type: ignore[union-attr]
    claim.release()
    other = this_process()
    assert not other.ended_before(other)


def test_who_stood_still_for_longer_than_a_lease_is_stopped_before_it_writes(tmp_path: Path) -> None:
    path = tmp_path / ".claim"
    mine = Claim(path, LEASE)
    mine.take()
    path.rename(tmp_path / "moved")  # as whoever takes over does
    other = holder(path)
    with pytest.raises(Lost, match=f"taken over by process {other.pid}"):
        _check_until(time.monotonic() + 30)
    mine.release()
    assert owner_of(path).pid == other.pid  # type: ignore[union-attr]
    end(other)


def test_a_stopped_owner_of_another_machine_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / ".claim"
    process = holder(path, "elsewhere")
    _as_of_another_machine(path)
    process.send_signal(signal.SIGSTOP)
    claim = Claim(path, LEASE)
    claim.wait()
    process.send_signal(signal.SIGCONT)
    assert owner_of(path).pid == os.getpid()  # type: ignore[union-attr]
    claim.release()
    end(process)


def test_three_processes_never_hold_one_claim_together(tmp_path: Path) -> None:
    log = tmp_path / "log"
    racers = [started(RACER, tmp_path / ".claim", log) for _ in range(3)]
    assert [racer.communicate()[0] or racer.returncode for racer in racers] == [0, 0, 0]
    assert log.read_text().split() == ["in", "out"] * 60


def test_a_claim_on_a_full_disk_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, record: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(claims, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        Claim(tmp_path / ".claim").take()
    assert list(tmp_path.iterdir()) == []
    claims.check()


def _check_until(end_at: float) -> None:
    while time.monotonic() < end_at:
        claims.check()
        time.sleep(0.02)


def _as_of_another_machine(path: Path) -> None:
    """What the library wrote before the name was changed, if it did, and our own record, name one host."""
    assert json.loads(claims.owner_path(path).read_text())["host"] == "elsewhere"
    assert "host=elsewhere" in path.read_text()
