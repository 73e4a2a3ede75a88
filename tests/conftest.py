"""Shared by all tests: a cache of their own, real assets where TFG_ASSETS is set, few threads."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # both as in tfg/__main__.py
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: threads of each would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_assets() -> Path:
    """The folder of real videos and weights; skips where there is none."""
    folder = os.environ.get("TFG_ASSETS")
    if not folder:
        pytest.skip("TFG_ASSETS is not set: no real videos or weights on this machine")
    return Path(folder)
