"""Only what conf/ names is ever built, wherever a configuration comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tfg import overrides, parts
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
    assert str(caught.value) == f"audio._target_={target}: is not a class that conf/ names; it is not built"


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
        with pytest.raises(InputError, match="is not a class that conf/ names"):
            parts.construct(overrides.literal(attack), "audio")
    assert not evidence.exists()


def test_every_target_of_conf_may_be_built_and_is_a_class_of_tfg() -> None:
    assert "tfg.selectors.isexplore.ISExplore" in parts.allowed_targets()
    assert all(target.startswith("tfg.") for target in parts.allowed_targets())


def test_a_string_is_never_an_interpolation() -> None:
    config = overrides.literal({"clip": {"path": "a${x}.mp4", "other": "${oc.env:HOME}"}})
    assert config.clip.path == "a${x}.mp4"
    assert config.clip.other == "${oc.env:HOME}"
    assert parts.plain(config)["clip"]["path"] == "a${x}.mp4"
