"""A run timed before it begins: what it has to do is counted, and nothing of it is in the head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from end_to_end import CLIP, INSTAG, SYNCTALK, TALK3D, own_cache, run_py

from tfg import overrides, parts, pipeline, rehearsal, sizing
from tfg.estimate import PARTS
from tfg.features.cache import CHUNK
from tfg.features.clip_features import ClipFeatures
from tfg.features.cost import FACES, MASKS
from tfg.record.files import checksum
from tfg.record.meter import Spent
from tfg.record.stages import Stages
from tfg.selection import features_of
from tfg.types import InputError, Segment

WITH = [text.replace("estimate=false", "estimate=true") for text in CLIP]
SIDECAR = ["face=sidecar", "masks=sidecar", "prior=none", "metrics=quick", "selector=first"]


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    return own_cache(tmp_path_factory.getbasetemp(), monkeypatch)


def opened(*given: str) -> tuple:
    config = sizing.sized(overrides.composed([*WITH, *SIDECAR, *given]))
    built = parts.build(config)
    return config, built, features_of(built.audio, built.face, built.masks, parts.open_clip(config))


@pytest.mark.parametrize("backbone", [INSTAG, SYNCTALK, TALK3D], ids=["instag", "synctalk", "talk3d"])
def test_every_stretch_of_a_training_counts_by_its_steps(cache, backbone) -> None:
    config, built, features = opened(*backbone)
    before = torch.get_rng_state()
    estimate = rehearsal.rehearse(config, built, features)
    assert torch.equal(torch.get_rng_state(), before)
    steps = [cost.seconds for what, cost in estimate.timed.items() if what.startswith("step ")]
    counts = {"instag": [10, 20, 10, 20], "synctalk": [18, 6], "talk3d": [6, 8, 10]}[config.backbone.name]
    assert estimate.parts["training"].seconds == pytest.approx(np.dot(steps, counts))
    held_out = features.clip.num_frames - features.clip.num_reference_frames
    frame = estimate.timed["rendered frame"] + estimate.timed["written frame"]
    assert estimate.parts["rendering"].seconds == pytest.approx(held_out * frame.seconds)
    assert list(estimate.parts) == list(PARTS)
    assert all(cost.seconds > 0 for cost in estimate.parts.values())


def test_a_stretch_is_timed_by_its_own_steps_however_few(cache) -> None:
    """Ten steps of the mouth stage: those after them are the fuse stage's, whose head has more Gaussians."""
    few = ["conditioning=lips", "backbone.cloud.face=100", "backbone.face_density.max_num=300"]
    assert rehearsal.rehearse(*opened(*INSTAG, *few)).parts["training"].seconds > 0


def test_controls_and_a_listener_that_is_not_there_cost_more(cache) -> None:
    def scoring(*given: str) -> set[str]:
        return set(rehearsal.rehearse(*opened(*INSTAG, *given)).timed)

    assert scoring("metrics.listener=true", "seed=7") - scoring() == {"listener step"}


def test_what_the_cache_has_is_not_counted(cache, tmp_path: Path) -> None:
    config, built, features = opened(*INSTAG)
    features = ClipFeatures(
        clip=features.clip, audio=built.audio, face=built.face, masks=built.masks, root=tmp_path / "empty"
    )
    stop, count = features.clip.num_reference_frames, features.clip.num_frames
    assert features.missing(FACES, 0, count) == features.missing(MASKS, 0, count) == count
    assert not features.has_sound()
    cold = rehearsal._amounts(config, features)
    assert (cold.segment, cold.held_out) == (75, count - stop)
    features.mask(stop, count)
    features.sound()
    assert features.has_sound()
    assert features.missing(MASKS, stop, count) == features.missing(FACES, stop, count) == 0
    warm = rehearsal._amounts(config, features)
    assert warm.masks < cold.masks
    assert warm.masks == pytest.approx(75 * features.missing(MASKS, 0, stop) / stop, abs=1)


def test_a_head_has_the_same_bits_with_and_without(cache, tmp_path: Path) -> None:
    made = {}
    for name, options in {"with": WITH, "without": CLIP}.items():
        run_py(*options, *INSTAG, *SIDECAR, f"results={tmp_path / name}", cache=cache, cwd=tmp_path)
        (result,) = (tmp_path / name).glob("*/result.json")
        made[name] = json.loads(result.read_text())
    assert made["with"]["run_id"] == made["without"]["run_id"]
    first, second = (
        checksum(tmp_path / name / "heads" / made[name]["head"] / "rendered.mp4") for name in ("with", "without")
    )
    assert first == second
    stage = made["with"]["stages"]["rehearsal"]
    assert stage["estimated"].keys() == stage["took"].keys() == PARTS.keys()
    assert stage["took"]["training"]["seconds"] == made["with"]["stages"]["training"]["seconds"]
    assert "rehearsal" not in made["without"]["stages"]


def test_a_run_goes_on_where_nothing_can_be_timed(cache, monkeypatch, capsys) -> None:
    def fail(*given: object) -> None:
        raise InputError("a.mp4: no face in frame 194")

    monkeypatch.setattr(pipeline, "rehearse", fail)
    stages = Stages()
    assert pipeline._rehearsed(*opened(*INSTAG), stages) is None
    assert capsys.readouterr().err.splitlines()[-1] == (
        "tfg: how long it will take is not known: a.mp4: no face in frame 194"
    )
    assert stages.records["rehearsal"]["unavailable"] == "a.mp4: no face in frame 194"


def test_as_many_held_out_frames_are_read_as_make_opening_a_reader_small(cache, tmp_path: Path) -> None:
    _, built, features = opened(*INSTAG, "split.held_out=6")
    features = ClipFeatures(
        clip=features.clip, audio=built.audio, face=built.face, masks=built.masks, root=tmp_path / "empty"
    )
    clip = features.clip
    rehearsal._read(features, {})
    wanted = max(clip.num_reference_frames, clip.num_frames - rehearsal.READ)
    for feature in (FACES, MASKS):
        assert features.missing(feature, wanted, clip.num_frames) == 0
        assert (
            features.missing(feature, 0, wanted // CHUNK * CHUNK) == wanted // CHUNK * CHUNK
        )  # nothing that a run may not need


def test_what_is_spent_once_is_not_multiplied(monkeypatch) -> None:
    """Opening costs 10, each frame 1; and where by chance the first is the slower, a tenth of the mean is left."""
    clock = [0.0]
    monkeypatch.setattr(rehearsal.meter, "now", lambda: Spent(seconds=clock[0], processor_seconds=clock[0] / 2))

    def work(count: int) -> None:
        clock[0] += 10 + count

    assert rehearsal._one_more(work, 1, 5) == Spent(seconds=1, processor_seconds=0.5)

    def first_is_slow(count: int) -> None:
        clock[0] += 100 if count == 1 else 80

    assert rehearsal._one_more(first_is_slow, 1, 4) == Spent(seconds=2, processor_seconds=1)


def test_silent_frames_have_no_sound(cache) -> None:
    from tfg.features.portrait import observe

    _, _, features = opened(*INSTAG)
    assert observe(features, Segment.whole(start=0, num_frames=3), silent=True).audio.shape == (3, 0)
