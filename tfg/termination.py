"""SIGTERM, which `kill`, systems that shut down and schedulers send, ends a run as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_CODE = 128 + signal.SIGTERM  # as a shell has it


@contextmanager
def raised() -> Iterator[None]:
    """SystemExit(143) where the signal finds the main thread; a handler that somebody else has set (submitit's) stays."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(number: int, frame: object) -> None:
    raise SystemExit(EXIT_CODE)
