"""Silence for native code that writes to stderr and offers no switch: MediaPipe while it builds a graph."""

from __future__ import annotations

import os
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
