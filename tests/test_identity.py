"""Run ids change with the science and with nothing else; seeds depend on what they name."""

import copy

import pytest

from tfg.record.identity import run_id, seed_for

CONFIG = {
    "selector": {"name": "random"},
    "backbone": {"name": "instag", "engine": "cpu", "steps": 10},
    "clip": {"path": "a.mp4", "size": 128},
    "trainer": {"device": "cpu", "profile": "cpu"},
    "tracker": {"name": "wandb"},
    "seconds": 5.0,
    "seed": 0,
    "results": "results",
    "group": "x",
}


def changed(key: str, value: object) -> dict:
    config = copy.deepcopy(CONFIG)
    *parents, last = key.split(".")
    node = config
    for name in parents:
        node = node[name]
    node[last] = value
    return config


def test_run_id_names_what_a_reader_looks_for():
    assert run_id(CONFIG, "my clip", "d").startswith("random-instag-my_clip-5s-seed0-")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clip.path", "b.mp4"),
        ("trainer.device", "cuda"),
        ("tracker.name", "none"),
        ("results", "r"),
        ("group", "y"),
        ("backbone.engine", "torch"),
    ],
)
def test_paths_devices_and_trackers_do_not_change_the_id(key, value):
    assert run_id(changed(key, value), "c", "d") == run_id(CONFIG, "c", "d")


@pytest.mark.parametrize(
    ("key", "value"),
    [("backbone.steps", 11), ("seed", 1), ("seconds", 10.0), ("clip.size", 64), ("selector.name", "first")],
)
def test_scientific_values_change_the_id(key, value):
    assert run_id(changed(key, value), "c", "d") != run_id(CONFIG, "c", "d")


def test_the_clip_bytes_change_the_id():
    assert run_id(CONFIG, "c", "d") != run_id(CONFIG, "c", "e")


def test_seeds_differ_by_purpose_and_name_and_repeat():
    assert seed_for("init", "instag", 0) == seed_for("init", "instag", 0)
    assert len({seed_for("init", "a", 0), seed_for("init", "a", 1), seed_for("order", "a", 0)}) == 3
