"""`tfg live`: a page on this machine in which a trained head answers to text, files and the microphone.

With `--train` the page shows the training first, which is the run that `tfg run` makes.
"""

from __future__ import annotations

import argparse
import importlib.util
import socket
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tfg import heads, overrides, parts, progress, sizing
from tfg.commands import sweep
from tfg.commands.select import quoted
from tfg.live.address import HOST, listening_socket
from tfg.live.upload import Limits
from tfg.record.results import DamagedRecord, read_failure
from tfg.types import InputError

if TYPE_CHECKING:
    from tfg.live.server import Live

NEEDED = ("starlette", "uvicorn", "wsproto")  # the extra `live`
SECONDS_BETWEEN_LOOKS = 0.2
LAST_LOOK_SECONDS = 1.0  # in which pages are given why a run failed, before the command ends


def run(options: argparse.Namespace) -> int:
    """The page's address on stdout; serves it until Ctrl-C, which is exit code 130. Of a training that fails, its code."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise InputError(f"live needs the extra `live` ({', '.join(missing)} missing): pip install -e '.[live]'")
    if options.train is None and len(options.given) != 1:
        raise InputError("live: give one RUN, or --train VIDEO; `tfg live --help` shows how")
    if options.seed < 0:
        raise InputError(f"--seed {options.seed}: must be a whole number, 0 or above")
    limits = Limits(most_bytes=round(options.most_mb * 1e6), most_seconds=options.most_seconds)
    with listening_socket(options.port) as bound, ExitStack() as stack:
        try:
            if options.train is None:
                _answer(Path(options.given[0]), options.seed, limits, bound, stack)
                return 0
            return _train(options, limits, bound, stack)
        except KeyboardInterrupt:
            print("tfg: the page is closed", file=sys.stderr)
            return 130


def _answer(given: Path, seed: int, limits: Limits, bound: socket.socket, stack: ExitStack) -> None:
    """Open a head and its page."""
    folder = heads.folder_of(given)
    heads.read(folder)
    _say_opening(folder)
    from tfg.live.server import Live  # torch, which no mistake waits for

    live = Live(limits, None)
    _open(live, folder, seed, stack)
    _wait_for(_serve(live, bound, stack))


def _train(options: argparse.Namespace, limits: Limits, bound: socket.socket, stack: ExitStack) -> int:
    """Train, or find, the run of a configuration in the page; then its head answers there."""
    given = [f"clip.path={quoted(options.train)}", *options.given]
    if len(plan := overrides.cells(overrides.complete(given))) > 1:
        raise InputError("--train: makes one head; give every key one value")
    pages: list[tuple[Live, threading.Event]] = []

    def job(cell: list[str]) -> None:
        from tfg import pipeline
        from tfg.live.server import Live
        from tfg.live.watched import Watched

        config = sizing.sized(overrides.composed(cell))
        name = parts.run_folder(config).name
        watched = Watched(name)
        live = Live(limits, watched)
        pages.append((live, _serve(live, bound, stack)))
        with progress.followed(watched):
            pipeline.run(config, name)

    code = sweep.start(given, job)
    if not pages and code:
        return code
    folder = parts.run_folder(sizing.sized(overrides.composed(plan[0])))
    if not pages:
        _answer(folder, options.seed, limits, bound, stack)
    elif code == 0:
        live, over = pages[0]
        _say_opening(heads.folder_of(folder))
        _open(live, heads.folder_of(folder), options.seed, stack)
        _wait_for(over)
    else:
        assert pages[0][0].watched is not None
        pages[0][0].watched.ended(_reason(folder))
        time.sleep(LAST_LOOK_SECONDS)
    return code


def _open(live: Live, folder: Path, seed: int, stack: ExitStack) -> None:
    """From now on the head of this folder answers in the page."""
    from tfg import speaker
    from tfg.live.head import Head
    from tfg.threads import threads

    config, _ = heads.read(folder)
    if live.watched is not None:
        live.watched.stage("opening the head")
    opened = speaker.opened(folder, config)
    stack.enter_context(threads(opened.threads))
    head = Head(opened, seed)
    live.answer_with(head, head.drive, head.warm_up())


def _wait_for(over: threading.Event) -> None:
    """By looks: a Ctrl-C that the system gives to another thread does not wake one that waits without end."""
    while not over.wait(SECONDS_BETWEEN_LOOKS):
        pass


def _serve(live: Live, bound: socket.socket, stack: ExitStack) -> threading.Event:
    from tfg.live.server import served

    over = stack.enter_context(served(live, bound))
    print(f"http://{HOST}:{bound.getsockname()[1]}/", flush=True)
    return over


def _say_opening(folder: Path) -> None:
    progress.say(f"opening {folder.name}, which answers in the page until Ctrl-C")


def _reason(folder: Path) -> str:
    """Why a run has no result, in one line."""
    try:
        return f"the run has failed: {read_failure(folder)['message']}"
    except (OSError, DamagedRecord):
        return "the run has not finished; the terminal says why"
