"""Every module of the engines and of the checks for a card can be imported on a machine without one."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for room in ("tfg/engines", "tests/gpu", "benchmarks/gpu") for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_without_a_card(path: Path) -> None:
    if path.name == "triton.py":
        pytest.importorskip("triton", reason="triton is not installed")
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    with contextlib.suppress(pytest.skip.Exception):  # what a test file that needs a card raises, all imports done
        importlib.import_module(module)
