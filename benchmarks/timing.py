"""Interleaved timing of the variants of one operation, and what machine it ran on. Ratios are of medians."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.floors import Work
from tfg import compiler
from tfg.engines.cpu import build


@dataclass(frozen=True, kw_only=True)
class Case:
    """One operation in several variants; `fast` is compared with each of the others."""

    name: str
    variants: dict[str, Callable[[], object]]  # each call does the whole work once
    fast: str = "cpu"
    required: dict[str, float] = field(default_factory=dict)  # slower variant -> least ratio
    least: Callable[[], Work] | None = None  # work that no variant can avoid


@dataclass(frozen=True, kw_only=True)
class Times:
    """Medians of one case, by variant."""

    wall: dict[str, float]  # milliseconds that passed
    processor: dict[
        str, float
    ]  # milliseconds of all threads together; without those spent asleep, whoever else was busy


def measure(case: Case, repeats: int) -> Times:
    """The variants take turns, so that a busy machine slows all of them."""
    wall: dict[str, list[float]] = {name: [] for name in case.variants}
    processor: dict[str, list[float]] = {name: [] for name in case.variants}
    for run in case.variants.values():
        run()
    for _ in range(repeats):
        for name, run in case.variants.items():
            started, busy = time.perf_counter(), time.process_time()
            run()
            wall[name].append((time.perf_counter() - started) * 1e3)
            processor[name].append((time.process_time() - busy) * 1e3)
    medians = [{name: statistics.median(found) for name, found in times.items()} for times in (wall, processor)]
    return Times(wall=medians[0], processor=medians[1])


def key_of(case: Case, variant: str) -> str:
    """Name of a ratio: the case alone over the torch twin, with the variant over anything else."""
    return case.name if variant == "torch" else f"{case.name}_over_{variant}"


def ratios_of(case: Case, milliseconds: dict[str, float]) -> dict[str, float]:
    """How many times faster the fast variant is than each other."""
    return {
        key_of(case, name): found / milliseconds[case.fast] for name, found in milliseconds.items() if name != case.fast
    }


def machine() -> dict[str, Any]:
    """Processor, cores, threads, instruction set and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    facts = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in lines if ":" in line}
    supported = facts.get("flags", "").split()
    sets = [name for name in ("avx512f", "avx2", "sse2") if name in supported]
    disabled = [
        word
        for word in build.flags()
        if word.startswith("-mno-") or (word.startswith("-march=") and "native" not in word)
    ]
    version = subprocess.run([compiler.compiler(), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": sets[0] if sets else platform.machine(),
        "extra_flags": disabled,
        "torch_instructions": torch.backends.cpu.get_cpu_capability(),
        "wait_policy": os.environ.get("OMP_WAIT_POLICY", "default"),
        "compiler": version.splitlines()[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }
