"""Which code made a number, and on which machine. Standard library only."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]  # of the checkout, or site-packages where tfg is installed


def commit() -> tuple[str, bool]:
    """Commit and dirty flag of the code in use; ("unknown", True) outside a checkout of it, as in site-packages."""
    try:
        if Path(_git(_ROOT, "rev-parse", "--show-toplevel")).resolve() != _ROOT:
            return "unknown", True
        head = _git(_ROOT, "rev-parse", "HEAD")
        return head, bool(_git(_ROOT, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", True


def machine() -> dict[str, Any]:
    """What the run ran on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor() or "unknown",
    )
    return {"host": socket.gethostname(), "cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
