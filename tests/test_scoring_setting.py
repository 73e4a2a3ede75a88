"""What scores depend on beside a head, and that nothing heavy is imported to say it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields

import pytest
from support.parts import all_metrics

from tfg import assets
from tfg.scoring.setting import SCORING_VERSION, WEIGHTS, Switches, setting


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where pretrained files may be; none is."""
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFG_ASSETS", str(tmp_path))
    return tmp_path


def test_newly_fetched_weights_change_the_setting_and_nothing_else_does(folder, monkeypatch):
    before = setting(all_metrics())
    assert before["weights"] == dict.fromkeys(WEIGHTS)
    assert before["version"] == SCORING_VERSION
    weights = folder / "syncnet_v2.model"
    weights.write_bytes(b"some weights")
    monkeypatch.setattr(assets, "usable", lambda known: weights if known.name == "syncnet" else None)
    after = setting(all_metrics())
    assert after == before | {"weights": {**before["weights"], "syncnet": assets.checksum(weights)}}
    assert setting(all_metrics(syncnet=False))["weights"]["syncnet"] is None
    assert json.loads(json.dumps(after)) == after
    assert setting(all_metrics(lpips=False)) != before


def test_a_switched_off_listener_has_no_version():
    assert setting(all_metrics(listener=False))["listener"] is None
    assert isinstance(setting(all_metrics())["listener"], int)


def test_weights_belong_to_switches():
    assert WEIGHTS.keys() <= {field.name for field in fields(Switches)}
    for name in WEIGHTS.values():
        assets.asset(name)


def test_no_heavy_library_is_imported():
    script = "import sys, tfg.scoring.setting; print([n for n in ('torch', 'cv2', 'av', 'scipy') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
