"""Names change with what the numbers depend on and with nothing else; seeds depend on what they name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tfg import overrides, parts
from tfg.record import identity
from tfg.record.identity import EXCLUDED, head_id, label, run_id, seed_for
from tfg.types import InputError

CONFIG: dict[str, Any] = {
    "selector": {"_target_": "a.B", "name": "random"},
    "selector_audio": {"name": "logmel", "window_ms": 40},
    "audio": {"_target_": "tfg.x.Y", "name": "whisper", "weights": "first.npz"},
    "face": {"name": "mediapipe", "workers": 2},
    "backbone": {"name": "instag", "engine": "cpu", "steps": 10, "density": {"_target_": "tfg.D", "every": 5}},
    "clip": {"path": "a.mp4", "name": None, "size": 128, "crop": "auto", "synthetic": {"seconds": 66.0}},
    "trainer": {"device": "cpu", "profile": "cpu"},
    "metrics": {"lpips": True},
    "tracker": {"name": "wandb"},
    "seconds": 5.0,
    "stride_seconds": 1.0,
    "split": {"held_out": "1/11"},
    "start": None,
    "seed": 0,
    "results": "results",
    "estimate": True,
    "group": "x",
    "sweep": {"axes": [], "size": 1},
}


def changed(key: str, value: object) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    *parents, last = key.split(".")
    node = config
    for name in parents:
        node = node[name]
    node[last] = value
    return config


def run_name(config: dict[str, Any], clip: str = "d") -> str:
    return run_id(config, "my clip", clip, lambda weights: f"sum of {weights}")


def head_name(config: dict[str, Any], *segment: tuple[int, int]) -> str:
    return head_id(config, "my clip", "d", segment or ((300, 125),), lambda weights: f"sum of {weights}", fps=25)


def test_names_hold_what_a_reader_looks_for() -> None:
    assert run_name(CONFIG).startswith("random-instag-whisper-my_clip-5s-seed0-")
    assert head_name(CONFIG).startswith("instag-my_clip-12s-5s-seed0-")
    assert head_name(CONFIG, (301, 125)).startswith("instag-my_clip-12.04s-5s-seed0-")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clip.path", "b.mp4"),
        ("clip.name", "other"),
        ("clip.synthetic.seconds", 20.0),
        ("trainer.device", "cuda"),
        ("tracker.name", "none"),
        ("results", "r"),
        ("group", "y"),
        ("sweep.axes", ["seed"]),
        ("face.workers", 1),
        ("metrics.lpips", False),
        ("backbone.engine", "torch"),
        ("backbone.precision", "bfloat16"),
        ("audio._target_", "tfg.elsewhere.Y"),
        ("backbone.density._target_", "tfg.elsewhere.D"),
        ("seconds", 5),
    ],
)
def test_paths_devices_trackers_and_places_in_the_code_change_no_name(key: str, value: object) -> None:
    assert run_name(changed(key, value)) == run_name(CONFIG)
    assert head_name(changed(key, value)) == head_name(CONFIG)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backbone.steps", 11),
        ("backbone.density.every", 6),
        ("seed", 1),
        ("clip.size", 64),
        ("audio.name", "ave"),
        ("split.held_out", 60),
    ],
)
def test_scientific_values_change_both_names(key: str, value: object) -> None:
    assert run_name(changed(key, value)) != run_name(CONFIG)
    assert head_name(changed(key, value)) != head_name(CONFIG)


def test_an_engine_that_rounds_to_half_precision_makes_other_heads() -> None:
    half = changed("backbone.engine", "tinycudann")
    assert head_name(half) != head_name(CONFIG)
    assert run_name(half) != run_name(CONFIG)
    assert head_name(changed("backbone.engine", "cuda")) == head_name(CONFIG)


@pytest.mark.parametrize(
    ("key", "value"),
    [("selector.name", "first"), ("selector_audio.window_ms", 80), ("seconds", 10.0), ("stride_seconds", 0.5)],
)
def test_how_a_segment_was_chosen_is_of_the_run_and_not_of_its_head(key: str, value: object) -> None:
    assert run_name(changed(key, value)) != run_name(CONFIG)
    assert head_name(changed(key, value)) == head_name(CONFIG)


def test_another_segment_is_another_head() -> None:
    assert len({head_name(CONFIG, segment) for segment in ((300, 125), (301, 125), (300, 126))}) == 3


def test_a_segment_in_one_piece_has_the_name_that_it_had_before_there_were_several() -> None:
    """Of commit d15805e, which knew no pieces: heads of before are found."""
    assert head_name(CONFIG) == "instag-my_clip-12s-5s-seed0-4f118db6"
    assert head_name(CONFIG, (301, 125)) == "instag-my_clip-12.04s-5s-seed0-38d75004"
    assert run_name(CONFIG) == "random-instag-whisper-my_clip-5s-seed0-8658f223"


def test_every_piece_is_of_the_name() -> None:
    name = head_name(CONFIG, (300, 25), (400, 100))
    assert name.startswith("instag-my_clip-12s_2pieces-5s-seed0-")
    others = [((300, 25), (401, 100)), ((300, 50), (400, 75)), ((300, 25), (400, 50), (500, 50)), ((300, 125),)]
    assert len({name.rsplit("-")[-1], *(head_name(CONFIG, *pieces).rsplit("-")[-1] for pieces in others)}) == 5


def test_the_clip_changes_the_name() -> None:
    assert run_name(CONFIG, "d") != run_name(CONFIG, "e")


def test_weights_count_by_checksum_and_not_by_path() -> None:
    def named(weights: str, sum_of: str) -> str:
        return run_id(changed("audio.weights", weights), "c", "d", lambda path: sum_of)

    assert named("here.npz", "1") == named("there.npz", "1") != named("here.npz", "2")


def test_two_weights_files_are_two_runs(tmp_path: Path) -> None:
    folders = []
    for content in (b"one", b"two"):
        (tmp_path / "w.npz").write_bytes(content)
        folders.append(parts.run_folder(overrides.composed(["audio=whisper", f"audio.weights={tmp_path}/w.npz"])))
    assert folders[0] != folders[1]


def test_every_excluded_key_is_in_conf() -> None:
    chosen = (("sidecar", "instag"), ("mediapipe", "synctalk"))
    composed = [
        overrides.composed([f"face={face}", f"masks={face}", f"backbone={backbone}"]) for face, backbone in chosen
    ]
    missing = [key for key in EXCLUDED if all(OmegaConf.select(config, key, default=0) == 0 for config in composed)]
    assert missing == []


def test_a_run_is_called_by_selector_backbone_and_what_else_varies() -> None:
    config = changed("sweep.axes", ["selector", "audio", "seed", "clip.path", "backbone.density.every"])
    assert label(config) == "random instag audio=whisper seed=0 clip.path=a.mp4 backbone.density.every=5"
    assert label(CONFIG) == "random instag"


def test_a_clip_that_need_not_be_made_has_a_name() -> None:
    small, large = (overrides.composed([f"clip.size={size}"]) for size in (64, 128))
    assert parts.clip_identity(small) == parts.clip_identity(large)
    assert parts.run_folder(small) != parts.run_folder(large)
    longer = overrides.composed(["clip.synthetic.seconds=67"])
    assert parts.clip_identity(longer) != parts.clip_identity(small)


def test_a_missing_video_is_named() -> None:
    with pytest.raises(InputError, match=r"^nowhere.mp4: no such file"):
        parts.run_folder(overrides.composed(["clip.path=nowhere.mp4", "clip.size=128"]))


def test_seeds_differ_by_purpose_and_name_and_repeat() -> None:
    assert seed_for("init", "instag", 0) == seed_for("init", "instag", 0)
    assert len({seed_for("init", "a", 0), seed_for("init", "a", 1), seed_for("order", "a", 0)}) == 3


def test_a_digest_tells_values_apart_and_not_their_spelling() -> None:
    assert identity.digest_of({"a": 5, "b": [1.0]}) == identity.digest_of({"b": (1,), "a": 5.0})
    assert identity.digest_of({"a": 5}) != identity.digest_of({"a": 5.5})
    assert identity.digest_of({"a": True}) != identity.digest_of({"a": 1})
