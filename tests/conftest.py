"""Shared by all tests: a cache of their own, real assets where TFG_ASSETS is set, few threads."""

import os

import tfg  # noqa: F401  first of all: it says how many threads numpy starts with

if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: threads of each would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib.util
from pathlib import Path

import pytest

if importlib.util.find_spec("triton") is not None:  # a CUDA build of torch
    import torch

    # Kernels are interpreted where no card is. Read once in a process, as triton is imported, which Lightning does too.
    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"

# A file is one worker's (`--dist loadfile`): the longest first, so that none begins when the others are done.
LONGEST = (
    "test_heads.py",
    "test_smoke.py",
    "test_pretraining.py",
    "test_resume.py",
    "test_evaluate.py",
    "test_bad_video.py",
    "test_packaging.py",
    "test_synthetic_face.py",
    "test_contracts.py",
    "test_syncnet.py",
    "test_backbones_nerf_training.py",
    "test_lipsync_training.py",
    "test_backbones_gaussian_pretrain.py",
    "test_commands_evaluate.py",
    "test_bad_input.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files of LONGEST in its order, the others after them in theirs."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def real_assets() -> Path:
    """The folder of real videos and weights; skips where there is none."""
    folder = os.environ.get("TFG_ASSETS")
    if not folder:
        pytest.skip("TFG_ASSETS is not set: no real videos or weights on this machine")
    return Path(folder)
