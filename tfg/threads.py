"""How many threads torch and the C engines, which share its OpenMP runtime, may use for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


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
