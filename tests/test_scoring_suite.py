"""The fitted listener in the cache: found again, and made anew where its file is damaged."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from support.parts import all_metrics

from tfg.metrics.listener.features import MOVING
from tfg.metrics.listener.fit import Tower, Towers, tower_shapes
from tfg.metrics.listener.fitted import FittedListener, ListenerUnavailable, NoListener
from tfg.metrics.listener.reliability import Reliability
from tfg.scoring import suite


def listener_of(seed):
    """A listener of random numbers."""
    rng = np.random.default_rng(seed)
    sides = {
        side: Tower(**{name: rng.random(shape, np.float32) for name, shape in tower_shapes(channels, 4).items()})
        for side, channels in (("lips", 2 * len(MOVING)), ("sound", 160))
    }
    reliability = Reliability(
        auc=0.9, auc_window_frames=5, auc_second=0.99, offset_found_share=1.0, num_stretches=3, num_frames=90
    )
    towers = Towers(anchors=rng.random((8, 2), np.float32), **sides)
    return FittedListener(towers=towers, reliability=reliability, num_frames=300, num_missing=0, seed=seed)


@pytest.fixture
def features(tmp_path):
    """As much of a clip's features as the fit needs."""
    clip = SimpleNamespace(
        sound_offset=0,
        name="clip",
        num_reference_frames=4,
        audio=lambda: np.zeros(4 * 640, np.float32),
        to_clip=lambda points: points,
    )
    track = SimpleNamespace(landmarks=np.zeros((4, 68, 2), np.float32))
    return SimpleNamespace(
        clip=clip, root=tmp_path / "features", track_key=lambda: {"clip": "digest"}, track=lambda start, stop: track
    )


@pytest.fixture
def fits(monkeypatch):
    """How often a listener was fitted."""
    made = []

    def fit(sound, landmarks, progress):
        made.append(len(sound))
        return listener_of(0)

    monkeypatch.setattr(FittedListener, "fit", staticmethod(fit))
    return made


def test_a_fitted_listener_is_found_again_and_a_damaged_one_is_named_and_fitted_anew(features, fits, tmp_path, capsys):
    first = suite.fit_listener(features, all_metrics(), 500)
    assert suite.fit_listener(features, all_metrics(), 500).definition == first.definition
    assert fits == [4]
    (path,) = (tmp_path / "listeners").glob("*.safetensors")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 255
    path.write_bytes(damaged)
    capsys.readouterr()
    again = suite.fit_listener(features, all_metrics(), 500)
    np.testing.assert_array_equal(again.towers.sound.weight, first.towers.sound.weight)
    assert fits == [4, 4]
    assert capsys.readouterr().err.splitlines() == [
        f"tfg: {path}: a fitted listener whose checksum is missing or does not fit; it is damaged; fitted anew"
    ]
    suite.fit_listener(features, all_metrics(), 500)
    assert fits == [4, 4]


def test_why_there_is_no_listener(features, monkeypatch):
    asked = []

    def fit(sound, landmarks, progress):
        asked.append(len(sound))
        raise ListenerUnavailable("too short")

    monkeypatch.setattr(FittedListener, "fit", staticmethod(fit))
    assert not suite.knows_listener(features)
    assert suite.fit_listener(features, all_metrics(), 500) == NoListener(reason="too short")
    assert suite.fit_listener(features, all_metrics(), 500) == NoListener(reason="too short")
    assert asked == [4]  # not tried again
    assert suite.knows_listener(features)
    assert suite.fit_listener(features, all_metrics(), 58) == NoListener(
        reason="58 frames are too few for the listener, which needs at least 59"
    )
    assert "switched off" in suite.fit_listener(features, all_metrics(listener=False), 500).reason
    assert "no reference" in suite.fit_listener(None, all_metrics(), 500).reason
