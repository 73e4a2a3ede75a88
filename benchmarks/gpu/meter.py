"""Time, bandwidth and FLOP/s on a device, and the card's own ceilings measured by the same clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One operation on one engine."""

    name: str
    engine: str
    milliseconds: float
    bytes_moved: float = 0.0  # that the operation cannot avoid; 0 = not counted
    flops: float = 0.0
    target: str = ""  # issue 3's, in words
    met: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """What the card reaches at its best."""

    bytes_per_second: float  # copying
    flops_per_second: float  # a square float32 product


def milliseconds(run: Callable[[], object], device: str, repeats: int = 20) -> float:
    """Median of `repeats` synchronised calls after three to warm up."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        run()
    found = []
    for _ in range(repeats):
        wait()
        started = time.perf_counter()
        run()
        wait()
        found.append((time.perf_counter() - started) * 1e3)
    return statistics.median(found)


def ceilings(device: str, megabytes: int = 1024, size: int = 4096) -> Ceilings:
    """Bytes read and written by a copy, FLOP/s of a product."""
    source = torch.empty(megabytes << 20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copying = milliseconds(lambda: target.copy_(source), device)
    square = torch.rand(size, size, device=device)
    product = milliseconds(lambda: square @ square, device)
    return Ceilings(bytes_per_second=2 * source.numel() / copying * 1e3, flops_per_second=2 * size**3 / product * 1e3)
