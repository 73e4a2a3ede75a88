"""A run killed with SIGKILL in training and given again goes on, and ends as the run that was never stopped."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from end_to_end import CLIP, INSTAG, SYNCTALK, TALK3D, leftovers, run_py, shared_cache, start_run_py

from tfg.record.files import is_sealed
from tfg.record.results import HEADS, RunResult
from tfg.training import LAST, PREVIOUS, read_checkpoint

OPTIONS = ["selector=at", "metrics=quick", "trainer.checkpoint_every=6", *CLIP]
BACKBONES = {"instag": INSTAG, "synctalk": SYNCTALK, "talk3d": TALK3D}


def kill_in_training(*overrides: str, cache: Path, cwd: Path) -> int:
    """Start, wait for a checkpoint, kill -9; the number of steps in the checkpoint that is left."""
    process = start_run_py(*overrides, cache=cache, cwd=cwd)
    try:
        for _ in range(20_000):
            if list(cwd.glob(f"results/heads/*/{LAST}.sha256")) or process.poll() is not None:
                break
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == -9, "the run ended before it could be killed"
    (head,) = cwd.glob("results/heads/*")
    whole = [
        path for path in (head / LAST, head / PREVIOUS) if is_sealed(path)
    ]  # killed while it wrote: the one before
    return int(read_checkpoint(whole[0])["state_dict"]["step"])


PIECES = {"instag": ("start=[9,0,4]",), "synctalk": ("start=2",), "talk3d": ("start=2",)}  # in one piece and in several


@pytest.mark.parametrize("backbone", list(BACKBONES))
def test_a_killed_run_ends_as_if_never_stopped(tmp_path_factory, tmp_path, backbone):
    cache = shared_cache(tmp_path_factory.getbasetemp())
    options = [*OPTIONS, *PIECES[backbone], *BACKBONES[backbone]]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    assert run_py(*options, cache=cache, cwd=whole).returncode == 0
    steps = kill_in_training(*options, cache=cache, cwd=cut)
    (next(cut.glob("results/heads/*")) / ".rendered.mp4.1.part").touch()  # as a kill at another moment leaves it
    again = run_py(*options, cache=cache, cwd=cut)
    assert again.returncode == 0, again.stderr

    (first,), (second,) = whole.glob("results/at-*"), cut.glob("results/at-*")
    assert first.name == second.name
    one, other = RunResult.read(first / "result.json"), RunResult.read(second / "result.json")
    assert one.stages["training"]["resumed_from"] == 0
    assert 0 < steps <= other.stages["training"]["resumed_from"] < other.stages["training"]["steps"]
    (first, second) = (folder.parent / HEADS / one.head for folder in (first, second))
    assert (first / "metrics.csv").read_text() == (second / "metrics.csv").read_text()  # losses to six digits
    expected, found = (read_checkpoint(folder / LAST)["state_dict"] for folder in (first, second))
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=0, atol=1e-6, msg=name)
    for name, metric in one.metrics.items():
        if metric["value"] is not None:  # pictures are rounded to 1/255, so a last bit may move one pixel
            np.testing.assert_allclose(other.metrics[name]["value"], metric["value"], rtol=1e-4, err_msg=name)
    assert leftovers(cut) == []
