"""A SLURM of one node in a folder, from Debian's packages, and what happens to jobs: preemption, drain, requeue, scancel."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from random import Random

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
CONF = """\
ClusterName=check
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={second}
AuthInfo=socket={folder}/munge/socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=5
MinJobAge=36000
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={slots} RealMemory=2000
PartitionName=low Nodes=ALL Default=YES PriorityTier=1
PartitionName=high Nodes=ALL PriorityTier=10
"""
# submitit asks sacct, which needs a database that a node of its own has not.
SACCT = """\
#!/bin/sh
echo "JobID|State|NodeList"; exec squeue -h -a -r -t all -o '%i|%T|%N'
"""


def missing() -> str | None:
    """Why SLURM cannot be started here; None where it can."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"{', '.join(absent)} not found; Debian: apt-get install slurm-wlm munge" if absent else None


def absent(module: str, extra: str) -> str | None:
    """Why a package of an extra cannot be used, None where it is here."""
    with suppress(ModuleNotFoundError):
        if importlib.util.find_spec(module) is not None:
            return None
    return f"not installed; pip install -e '.[{extra}]'"


class Slurm:
    """Started by `with`; `environment` is for who uses it."""

    def __init__(self, folder: Path, slots: int) -> None:
        self.folder = folder.absolute()
        self.slots = slots
        self.host = socket.gethostname().split(".")[0]
        path = f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def __enter__(self) -> Slurm:
        for name in ("munge", "state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / name).chmod(0o755)
        (self.folder / "bin" / "sacct").write_text(SACCT)
        (self.folder / "bin" / "sacct").chmod(0o755)
        key, munge = self.folder / "munge" / "key", self.folder / "munge"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        port, second = _free_ports(2)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        conf = CONF.format(host=self.host, port=port, second=second, folder=self.folder, user=user, slots=self.slots)
        (self.folder / "slurm.conf").write_text(conf)
        self._do(
            "munged",
            f"--key-file={key}",
            f"--socket={munge}/socket",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={munge}/log",
            f"--seed-file={munge}/seed",
        )
        self._do("slurmctld", "-c")
        self._do("slurmd")
        until = time.monotonic() + 30
        while "idle" not in self.answer("sinfo", "-h", "-p", "low", "-o", "%t"):
            if time.monotonic() > until:
                raise RuntimeError(f"SLURM did not come up; its logs are in {self.folder}")
            time.sleep(0.2)
        return self

    def __exit__(self, *raised: object) -> None:
        self.answer("scancel", "--partition=low,high", "--full")
        for name in ("slurmd", "slurmctld", "munged"):
            path = self.folder / f"{name}.pid"
            if path.exists():
                _end(int(path.read_text()))

    def answer(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False).stdout

    def running(self) -> list[str]:
        """Of the sweeps' jobs."""
        return self.answer("squeue", "-h", "-r", "-p", "low", "-t", "RUNNING", "-o", "%i").split()

    def preempt(self, random: Random) -> str:
        self._do("sbatch", "-p", "high", "-c", str(self.slots), "-o", "/dev/null", "--wrap", "sleep 2")
        return "preemption"

    def drain(self, random: Random) -> str:
        self._do("scontrol", "update", f"NodeName={self.host}", "State=DRAIN", "Reason=check")
        time.sleep(3)
        self._do("scontrol", "update", f"NodeName={self.host}", "State=RESUME")
        return "drain"

    def cancel(self, random: Random) -> str | None:
        return self._to_one("scancel", random=random, name="scancel")

    def requeue(self, random: Random) -> str | None:
        return self._to_one("scontrol", "requeue", random=random, name="requeue")

    def hasten(self) -> None:
        """Requeued jobs wait for two minutes; these do not."""
        for line in self.answer("squeue", "-h", "-r", "-p", "low", "-t", "PENDING", "-o", "%i %r").splitlines():
            job, reason = line.split(maxsplit=1)
            if reason in ("BeginTime", "JobHeldUser", "JobHeldAdmin", "(BeginTime)"):
                self.answer("scontrol", "release", job)
                self.answer("scontrol", "update", f"JobId={job}", "StartTime=now")

    def notice(self) -> None:
        """A job whose slurmstepd was killed counts as running until its node registers again, which takes long; now it does."""
        self.answer("scontrol", "reconfigure")

    def _to_one(self, *command: str, random: Random, name: str) -> str | None:
        jobs = self.running()
        if not jobs:
            return None
        self._do(*command, random.choice(jobs))
        return name

    def _do(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=False, stdout=subprocess.DEVNULL)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(200):
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
