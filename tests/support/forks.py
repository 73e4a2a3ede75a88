"""Processes of tfg that start with its libraries imported: forks of one process of this session that has done no more than that.

A start costs five to eight processor seconds of imports, several times what most tests make a process do. Folder, environment, output,
signals and exit code are a process's own. What a start itself does or says needs a new one: `new_run_py`, `new_tfg` of end_to_end.py.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
RUN_PY = str(ROOT / "run.py")  # the other program is the module tfg


class Fork:
    """`python PROGRAM ARGUMENTS` under way; as a subprocess.Popen whose output is text."""

    def __init__(self, program: str, arguments: tuple[str, ...], *, cwd: Path, env: dict[str, str]) -> None:
        self.returncode: int | None = None
        out, out_there = os.pipe()
        err, err_there = os.pipe()
        self._answer, answer_there = socket.socketpair()
        asked = {"program": program, "arguments": arguments, "cwd": str(cwd), "env": env}
        message = json.dumps(asked).encode() + b"\n"
        handed = [out_there, err_there, answer_there.fileno()]
        sent = socket.send_fds(_server(), [message], handed)
        _server().sendall(message[sent:])
        for descriptor in (out_there, err_there):
            os.close(descriptor)
        answer_there.close()
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)
        self._said = self._answer.makefile()
        self.pid = int(self._said.readline())

    def poll(self) -> int | None:
        if self.returncode is None:
            self._answer.setblocking(False)
            try:
                ended = bool(self._answer.recv(1, socket.MSG_PEEK))
            except BlockingIOError:
                ended = False
            self._answer.setblocking(True)
            if ended:
                self.wait()
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = int(self._said.readline())
            self._said.close()
            self._answer.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it said to its end; one that takes longer than `timeout` seconds is killed."""
        limit = threading.Timer(timeout, os.kill, (self.pid, signal.SIGKILL))
        limit.start()
        with ThreadPoolExecutor(2) as pool, self.stdout, self.stderr:
            out, err = pool.map(lambda stream: stream.read(), (self.stdout, self.stderr))
        limit.cancel()
        self.wait()
        return out, err


def run(program: str, *arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """To its end."""
    fork = Fork(program, arguments, cwd=cwd, env=env)
    out, err = fork.communicate(timeout=300)
    assert fork.returncode is not None
    return subprocess.CompletedProcess([program, *arguments], fork.returncode, out, err)


@functools.cache
def _server() -> socket.socket:
    here, there = socket.socketpair()
    with there:
        process = subprocess.Popen(
            [sys.executable, __file__, str(there.fileno())],
            pass_fds=[there.fileno()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(process.wait)
    atexit.register(here.close)  # before it: the server ends when nobody is left to ask
    return here


def serve(asking: socket.socket) -> None:
    """Fork what is asked for until the other end is closed."""
    import tfg.pipeline  # noqa: F401  what every start of tfg would import

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C of the session; a fork takes it again
    while (given := _received(asking)) is not None:
        asked, descriptors = given
        keeper = os.fork()
        if keeper == 0:
            asking.close()
            _keep(asked, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _reap()
    _reap()


def _reap() -> None:
    """Take the keepers that have ended, and with them the processor time that their programs took into this session's."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _received(asking: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    message, descriptors, _, _ = socket.recv_fds(asking, 65536, 3)
    while message and not message.endswith(b"\n"):
        message += asking.recv(65536)
    return (json.loads(message), descriptors) if message else None


def _keep(asked: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Say which process it is, and then how it ended, as subprocess does."""
    out, err, answer = descriptors
    child = os.fork()
    if child == 0:
        os.close(answer)
        _become(asked, out, err)
    os.close(out)
    os.close(err)
    os.write(answer, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(answer, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(asked: dict[str, Any], out: int, err: int) -> NoReturn:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [asked["program"], *asked["arguments"]]
    if asked["program"] == RUN_PY:
        runpy.run_path(RUN_PY, run_name="__main__")
    else:
        runpy.run_module(asked["program"], run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
