"""Only what conf/ names is ever built, wherever a configuration comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tfg import configuration, overrides, parts
from tfg.targets import allowed_targets
from tfg.types import InputError

RUNS_CODE = [
    "tfg.engines.cpu.build.load",
    "torch.load",
    "numpy.load",
    "builtins.exec",
    "os.system",
    "subprocess.run",
    "pathlib.Path.write_text",
]


@pytest.mark.parametrize("target", RUNS_CODE)
def test_a_target_that_conf_does_not_name_is_refused_in_one_line(target: str) -> None:
    with pytest.raises(InputError) as caught:
        parts.construct(overrides.literal({"_target_": target, "name": "audio"}), "audio")
    assert str(caught.value) == f"audio._target_={target}: is not a class that conf/audio/ names; it is not built"


def test_a_nested_target_is_refused_before_anything_is_built() -> None:
    config = overrides.composed(["selector=isexplore"])
    plain = parts.plain(config)["selector"]
    plain["diversity"] = {"_target_": "os.system", "command": "false"}
    with pytest.raises(InputError, match=r"selector\.diversity\._target_=os\.system: "):
        parts.construct(overrides.literal(plain), "selector")


@pytest.mark.parametrize("key", ["_args_", "_partial_", "_convert_", "_recursive_"])
def test_keys_that_change_how_a_class_is_called_are_refused(key: str) -> None:
    with pytest.raises(InputError, match=rf"selector\.{key}: is no key of conf/"):
        parts.construct(
            overrides.literal({"_target_": "tfg.selectors.first.First", "name": "first", key: []}), "selector"
        )


def test_an_unknown_parameter_is_one_line() -> None:
    settings = overrides.literal({"_target_": "tfg.selectors.first.First", "name": "first", "colour": 1})
    with pytest.raises(InputError, match=r"^selector: .*colour") as caught:
        parts.construct(settings, "selector")
    assert "\n" not in str(caught.value)


def test_a_foreign_run_folder_runs_no_code(tmp_path: Path) -> None:
    """The attack of the issue: a pickle behind numpy.load in the configuration of a run that somebody sent."""
    evidence = tmp_path / "evidence"

    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return evidence.touch, ()

    np.save(tmp_path / "bad.npy", np.array([Attack()], dtype=object), allow_pickle=True)
    torch.save(Attack(), tmp_path / "bad.pt")
    for attack in (
        {"_target_": "numpy.load", "file": str(tmp_path / "bad.npy"), "allow_pickle": True},
        {"_target_": "torch.load", "f": str(tmp_path / "bad.pt"), "weights_only": False},
    ):
        with pytest.raises(InputError, match="is not a class that conf/audio/ names"):
            parts.construct(overrides.literal(attack), "audio")
    assert not evidence.exists()


def test_every_target_of_conf_may_be_built_and_is_a_class_of_tfg() -> None:
    assert "tfg.selectors.isexplore.ISExplore" in allowed_targets("selector")
    axes = [path.name for path in configuration.folder().iterdir() if path.is_dir()]
    assert all(target.startswith("tfg.") for axis in axes for target in allowed_targets(axis))


@pytest.mark.parametrize(
    ("name", "target"),
    [("random", "tfg.selectors.first.First"), ("nobody", "tfg.selectors.first.First"), ("../audio/logmel", "x")],
)
def test_an_option_is_built_only_as_its_own_class(name: str, target: str) -> None:
    with pytest.raises(
        InputError, match=r"^selector\._target_=x|^selector\.name=.*: is no option of conf/selector/ of that class"
    ):
        parts.construct(overrides.literal({"_target_": target, "name": name}), "selector")


def test_a_class_of_another_axis_is_refused() -> None:
    with pytest.raises(InputError, match=r"face\._target_=.*: is not a class that conf/face/ names"):
        parts.construct(overrides.literal({"_target_": "tfg.selectors.first.First", "name": "first"}), "face")


def test_a_configuration_without_a_class_is_refused() -> None:
    for settings in (overrides.literal({"name": "first"}), 5, None):
        with pytest.raises(InputError, match="selector: is no configuration of a part"):
            parts.construct(settings, "selector")


def test_the_truth_beside_a_video_counts_where_it_is_read(tmp_path: Path) -> None:
    video, truth = tmp_path / "a.mp4", tmp_path / "a.npz"
    video.write_bytes(b"video")
    truth.write_bytes(b"one")

    def identity(face: str) -> str:
        return parts.clip_identity(overrides.composed([f"clip.path={video}", f"face={face}", "masks=mediapipe"]))

    before = {face: identity(face) for face in ("sidecar", "mediapipe")}
    truth.write_bytes(b"another")
    assert identity("sidecar") != before["sidecar"]
    assert identity("mediapipe") == before["mediapipe"]


def test_a_renamed_video_finds_its_runs(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"video")
    (tmp_path / "b.mp4").write_bytes(b"video")

    def folder(name: str) -> Path:
        cell = [f"clip.path={tmp_path / name}", f"results={tmp_path}/results", "face=sidecar", "masks=sidecar"]
        return parts.run_folder(overrides.composed([*cell, "clip.size=128", "audio=logmel"]))

    first = folder("a.mp4")
    first.mkdir(parents=True)
    assert folder("b.mp4") == first


def test_a_string_is_never_an_interpolation() -> None:
    config = overrides.literal({"clip": {"path": "a${x}.mp4", "other": "${oc.env:HOME}"}})
    assert config.clip.path == "a${x}.mp4"
    for text in ("${x}", r"\${oc.env:HOME}", r"\\${x}", r"a\b${x}", r"\\\${x}"):
        assert overrides.literal({"a": text}).a == text
        assert parts.plain(overrides.literal({"a": text})) == {"a": text}
    assert config.clip.other == "${oc.env:HOME}"
    assert parts.plain(config)["clip"]["path"] == "a${x}.mp4"
