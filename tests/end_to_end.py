"""For tests that use tfg as a person does: commands, a small embedded clip, a cache that all of a session's tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from support import forks
from support.parts import embedded_clip

from tfg import compiler
from tfg.clip.synthetic.generate import make_synthetic

ROOT = Path(__file__).resolve().parent.parent
CLIP = [
    "clip.synthetic.seconds=16",  # held out: the last 37 frames
    "clip.size=64",
    "trainer=cpu",
    "tracker=none",
    "estimate=false",
    "audio=logmel",  # the fast one, on machines with Whisper's file too
    "conditioning=audio",
    "torso.field=true",
    "torso.steps=5",
]
EMBEDDED = embedded_clip(seconds=16.0, size=64)  # the same clip
INSTAG = [
    "seconds=3",
    "backbone.stages.warm_up=10",
    "backbone.stages.face=30",
    "backbone.stages.mouth=10",
    "backbone.stages.fuse=20",
]
SYNCTALK = [
    "seconds=3",
    "backbone=synctalk",
    "backbone.sampling.num_rays=512",
    "backbone.schedule.steps=24",
    "backbone.schedule.lips_steps=6",
]
TALK3D = [
    "seconds=3",
    "backbone=talk3d",
    "backbone.planes.widths=[32,32,32]",
    "backbone.unet.widths=[16,16]",
    "backbone.sampling.uniform=8",
    "backbone.sampling.importance=8",
    "backbone.stages.invert=6",
    "backbone.stages.tune=8",
    "backbone.stages.delta=10",
]


def shared_cache(session_folder: Path) -> Path:
    """A cache of the session's own, but for the compiled engines: those of the machine are the same and take long to make.

    `session_folder`: pytest's base folder, or below it a worker's; all workers share one cache.
    """
    session = session_folder.parent if "PYTEST_XDIST_WORKER" in os.environ else session_folder
    cache = session / "tfg-cache"
    with FileLock(session / "tfg-cache.lock"):
        if cache.exists():
            return cache
        cache.mkdir()
        compiled = compiler.cache_folder()
        compiled.mkdir(parents=True, exist_ok=True)
        (cache / "engines").symlink_to(compiled, target_is_directory=True)
    return cache


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "TFG_CACHE": str(cache)}


def run_py(*overrides: str, cache: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`python run.py ...` to its end, as a fork (support/forks.py)."""
    return forks.run(forks.RUN_PY, *overrides, cwd=cwd, env=environment(cache))


def tfg(*arguments: str, cache: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`tfg ...` to its end, as a fork."""
    return forks.run("tfg", *arguments, cwd=cwd, env=environment(cache))


def start_run_py(*overrides: str, cache: Path, cwd: Path) -> forks.Fork:
    """`python run.py ...`, a fork left running."""
    return forks.Fork(forks.RUN_PY, overrides, cwd=cwd, env=environment(cache))


def new_run_py(*overrides: str, cache: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`python run.py ...` to its end, from nothing."""
    return _do(str(ROOT / "run.py"), *overrides, cache=cache, cwd=cwd)


def new_tfg(*arguments: str, cache: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`tfg ...` to its end, from nothing."""
    return _do("-m", "tfg", *arguments, cache=cache, cwd=cwd)


def leftovers(folder: Path) -> list[str]:
    """Files that are not meant to be there when nothing runs."""
    return [str(path) for path in folder.rglob("*") if ".part" in path.name or path.name.startswith("partial")]


def _do(*arguments: str, cache: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**environment(cache), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def own_cache(session_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same cache, with the embedded clip in it, as that of this very process."""
    folder = shared_cache(session_folder)
    monkeypatch.setenv("TFG_CACHE", str(folder))
    make_synthetic(EMBEDDED, folder / "clips")
    return folder
