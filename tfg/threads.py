"""How many threads torch and the C engines, which share its OpenMP runtime, may use for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

AUTO = "auto"
WORTH_SHARING = 512  # pixels: in smaller pictures handing work from thread to thread costs more than it saves


def count_of(setting: int | str | None, size: int) -> int | None:
    """Threads of a training and its renderings, `size` x `size` pictures, by `trainer.threads`; None: all cores."""
    if setting != AUTO:
        return setting  # type: ignore[return-value]
    return 1 if size < WORTH_SHARING else None


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """`count` threads inside (None: as many as before), as many as before afterwards. Gives the number in use."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
