"""The torso field of a head: made once from its saved portrait, recorded in head.json, made anew where it is gone or damaged."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from omegaconf import OmegaConf
from portraits import make_scene
from result_records import result, write

from tfg.heads import Head, scores_name
from tfg.record.results import HEADS, HeadRecord
from tfg.record.stages import Stages
from tfg.rendering import save_portrait
from tfg.torso import stage
from tfg.torso.settings import TorsoSettings, file_name
from tfg.types import Segment

SETTINGS = TorsoSettings(field=True, nodes=3, steps=2, lr=1e-2, filling=0.0, folds=2)


@pytest.fixture
def head(tmp_path):
    """A finished head without a torso field, as heads of before are."""
    write(tmp_path, result("one", config={}, psnr=30.0))
    (folder,) = (tmp_path / HEADS).iterdir()
    scene = make_scene(num_frames=8, size=16)
    save_portrait(folder / "portrait.npz", scene.portrait, np.zeros(12, np.float32), np.ones(12, np.float32), None)
    config = OmegaConf.create(
        {"trainer": {"threads": 1}, "clip": {"size": 16}, "backbone": {"name": "instag"}, "seed": 0}
    )

    class clip:
        identity = "someone"

    return Head(folder=folder, config=config, clip=clip, segment=Segment.whole(start=0, num_frames=8))  # type: ignore[arg-type]


def test_the_field_is_a_stage_with_its_own_record_beside_what_was_recorded(head, capsys):
    before, stages = HeadRecord.read(head.folder), Stages()
    name = stage.made(head, SETTINGS, stages)
    after = HeadRecord.read(head.folder)
    assert name == file_name(SETTINGS)
    assert after == replace(
        before,
        stages=before.stages | {"torso": stages.records["torso"]},
        files=before.files | {"torso": name},
    )
    noted = after.stages["torso"]
    assert noted["frames"] == 8
    assert noted["processor_seconds"] >= 0
    assert set(noted) >= {"seconds", "peak_mb", "strength", "reach", "threads", "settings"}
    json.dumps(noted)

    again = Stages()
    assert stage.made(head, SETTINGS, again) == name
    assert again.records == {}


def test_a_field_that_is_damaged_gone_or_of_other_settings_is_made_anew_to_the_bit(head, capsys):
    path = head.folder / stage.made(head, SETTINGS, Stages())
    whole = path.read_bytes()
    for harm in (lambda: path.write_bytes(whole[:-1]), path.unlink):
        harm()
        stages = Stages()
        stage.made(head, SETTINGS, stages)
        assert path.read_bytes() == whole
        assert list(stages.records) == ["torso"]
        assert f"{path} is missing or damaged (its checksum differs); made anew" in capsys.readouterr().err
    other = stage.made(head, replace(SETTINGS, nodes=4), Stages())
    assert HeadRecord.read(head.folder).files["torso"] == other != path.name
    assert path.read_bytes() == whole


def test_switched_off_there_is_none_and_scores_have_another_name(head):
    stages = Stages()
    assert stage.made(head, replace(SETTINGS, field=False), stages) is None
    assert stages.records == {}
    assert not list(head.folder.glob("torso-*"))
    switches = dict.fromkeys(("lpips", "listener", "syncnet", "identity", "fid", "controls"), False)
    assert scores_name(switches, None) != scores_name(switches, file_name(SETTINGS))
