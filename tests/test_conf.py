"""conf/ holds the only defaults: every key is a parameter of the class it is for, stated once, and checked without torch."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from tfg import overrides

CHOICES = [
    f"{axis}={path.stem}"
    for axis in ("audio", "face", "masks", "selector", "backbone")
    for path in sorted((overrides.CONFIG / axis).glob("*.yaml"))
]
NEEDED = ["start=1"]  # of selector=at, which has none of its own
GIVEN = {"size", "focal", "audio_channels", "lip_driven"}  # what the pipeline passes a backbone, beside its YAML


def settings(choice: str) -> dict[str, Any]:
    """One option of an axis as a plain dict."""
    axis = choice.split("=")[0]
    found: dict[str, Any] = OmegaConf.to_container(overrides.composed([choice, *NEEDED])[axis])  # type: ignore[assignment]
    if axis == "backbone":
        del found["name"]  # of the run, not of the class
    return found


def targets(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every group with a `_target_`, the inner ones first."""
    for value in node.values():
        if isinstance(value, dict):
            yield from targets(value)
    if "_target_" in node:
        yield node


@pytest.mark.parametrize("choice", CHOICES)
def test_every_key_is_a_parameter_without_a_second_default(choice: str) -> None:
    nodes = list(targets(settings(choice)))
    assert nodes
    for node in nodes:
        parameters = inspect.signature(get_object(node["_target_"])).parameters
        assert {name for name, parameter in parameters.items() if parameter.default is not parameter.empty} == set()
        assert {parameter.kind for parameter in parameters.values()} <= {inspect.Parameter.KEYWORD_ONLY}
        given = GIVEN if choice.startswith("backbone=") and node is nodes[-1] else set()
        assert set(node) - {"_target_"} == set(parameters) - given, node["_target_"]


def test_the_papers_values_have_one_notation() -> None:
    for path in overrides.CONFIG.rglob("*.yaml"):
        for line in path.read_text().splitlines():
            comment = line.partition("#")[2]
            assert "(paper" not in comment, f"{path}: {line}"
            assert comment.count("paper:") <= 1, f"{path}: {line}"
    for name in ("instag", "synctalk", "talk3d"):
        numbers = [
            line
            for line in (overrides.CONFIG / "backbone" / f"{name}.yaml").read_text().splitlines()
            if line.partition(": ")[2][:1] in set("0123456789[$")
        ]
        assert [line for line in numbers if "paper: " not in line] == []


LIGHT = """
import importlib, json, sys
def build(node):
    module, name = node.pop("_target_").rsplit(".", 1)
    values = {key: build(value) if isinstance(value, dict) and "_target_" in value else value for key, value in node.items()}
    return getattr(importlib.import_module(module), name)(**values)
for node in json.load(sys.stdin):
    build(node)
heavy = ("torch", "mediapipe", "cv2", "pytorch_lightning")
print([name for name in heavy if name in sys.modules])
"""


def test_every_part_and_every_group_of_a_backbone_is_built_without_torch_mediapipe_or_opencv() -> None:
    nodes: list[dict[str, Any]] = []
    for choice in CHOICES:
        whole = settings(choice)
        groups = [value for value in whole.values() if isinstance(value, dict)]
        nodes += groups if choice.startswith("backbone=") else [whole]
    assert len(nodes) > 20
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        input=json.dumps(nodes),
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_shared_blocks_are_no_options_and_can_be_changed_by_one_key() -> None:
    assert "blocks" not in overrides._options()
    assert overrides._options()["selector"] == sorted(path.stem for path in overrides.CONFIG.glob("selector/*.yaml"))
    config = overrides.composed(["selector=isexplore", "selector.diversity.measure=centroid"])
    assert config.selector.diversity.measure == "centroid"
    densities = overrides.composed(["backbone=instag", "backbone.mouth_density.gradient=2e-3"]).backbone
    assert (densities.face_density.gradient, densities.mouth_density.gradient) == (1e-3, 2e-3)
