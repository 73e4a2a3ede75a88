"""Processes that draw the embedded clip's frames give those that one process draws, in order, or say that they failed."""

import os
from pathlib import Path

import numpy as np
import pytest

from tfg.clip.synthetic import draw
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import motion_of
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.render import FrameRenderer
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.clip.synthetic.speech import make_spoken_track
from tfg.types import InputError

SPEC = SyntheticClip(
    speech_seed=1,
    motion_seed=2,
    identity_seed=3,
    num_poses=None,
    poses_seconds=None,
    motion_seconds=None,
    seconds=2.6,
    size=36,
)


def test_three_processes_draw_the_frames_of_one() -> None:
    renderer = FrameRenderer(make_person_mesh(make_person(SPEC.identity_seed), SPEC.size), SPEC.size)
    track = make_spoken_track(SPEC.speech_seed, SPEC.num_frames)
    motion = motion_of(SPEC)
    here = list(draw.drawn(renderer, track, motion, range(SPEC.num_frames)))
    elsewhere = list(draw.drawn_elsewhere(SPEC, 3))
    assert len(here) == len(elsewhere) == 65
    for one, other in zip(here, elsewhere, strict=True):
        for name in ("image", "head", "mouth", "torso", "landmarks"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_process_that_cannot_draw_ends_the_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PYTHONHOME", "/nowhere")
    with pytest.raises(
        InputError, match=r"embedded clip: a process that draws it ended too early, with \d+; free some memory"
    ):
        list(draw.drawn_elsewhere(SPEC, 2))


def test_nothing_of_the_folder_it_is_started_in_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert len(list(draw.drawn_elsewhere(SPEC, 2))) == SPEC.num_frames
