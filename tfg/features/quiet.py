"""MediaPipe's library kept from harm: notes on stderr that have no switch, and a profiling signal that kills."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what is written to file descriptor 2 inside the block. Errors still come as exceptions."""
    with _lock:
        sys.stderr.flush()
        kept = os.dup(2)
        sink = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(sink, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(sink)


def survive_profiling() -> None:
    """Ignore SIGPROF, unless somebody handles it.

    MediaPipe 1.2.2 carries a profiler of its own; twice, after two minutes of training in the same process, the next call
    of a landmarker ended it with "Profiling timer expired". Only the main thread may set a signal's handling.
    """
    known = hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()
    if known and signal.getsignal(signal.SIGPROF) == signal.SIG_DFL:
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
