"""How near an operation is to what the processor could do: its least work, and the processor's own peaks, measured here."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from tfg.engines.cpu import build

ROUNDS, MEGABYTES, TRIES = 2_000_000, 256, 7


@dataclass(frozen=True, kw_only=True)
class Work:
    """What any implementation of an operation must at least do."""

    flops: float
    bytes_moved: float  # to and from memory: every argument and result once


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """The best of several tries, all threads."""

    flops: float  # a second, float32, fused multiply-adds in registers
    bytes_moved: float  # a second, read and written by a copy far larger than the caches

    def floor(self, work: Work) -> float:
        """Milliseconds below which the work cannot be done."""
        return 1e3 * max(work.flops / self.flops, work.bytes_moved / self.bytes_moved)


def peaks(rounds: int = ROUNDS, megabytes: int = MEGABYTES) -> Peaks:
    """Those of this machine; about a second."""
    library = build.load("peak", Path(__file__).parent)
    library.tfg_peak_flops.restype = ctypes.c_double
    flops = max(library.tfg_peak_flops(ctypes.c_int64(rounds)) for _ in range(TRIES))
    source = torch.ones(megabytes << 20, dtype=torch.uint8)
    target = source.clone()
    seconds = []
    for _ in range(TRIES):
        started = time.perf_counter()
        target.copy_(source)
        seconds.append(time.perf_counter() - started)
    return Peaks(flops=flops, bytes_moved=2 * source.numel() / min(seconds))
