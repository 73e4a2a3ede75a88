"""Cost is a result: wall and processor seconds, peak memory and frames of every stage of a run."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfg import progress
from tfg.record import claims, meter


@dataclass
class Stage:
    """Filled in while the stage runs."""

    frames: int | None = None  # frames it looked at, where that means something
    notes: dict[str, Any] = field(default_factory=dict)


class Stages:
    """Records stages by name; `current` names the one that runs, for failure reports."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.current = "start"

    @contextmanager
    def __call__(self, name: str) -> Iterator[Stage]:
        self.current = name
        progress.stage(name)
        stage, started = Stage(), meter.now()
        reset = _reset_peak()
        yield stage
        claims.check()
        self.records[name] = {
            **(meter.now() - started).rounded(),
            "peak_mb": _peak_mb(),
            "peak_of": "stage" if reset else "process so far",
            "frames": stage.frames,
            **stage.notes,
        }


def _reset_peak() -> bool:
    """Start the kernel's high-water mark anew; False where the system does not offer that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _peak_mb() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes on Linux, bytes on macOS
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)
