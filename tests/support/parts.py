"""Parts for tests, with the values of conf/ and the changes that a test wants: conf/ holds the only defaults."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from tfg import heads, overrides, picture_size
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.scoring.setting import Switches


def part(choice: str, node: str | None = None, /, **changes: Any) -> Any:
    """`part("selector/isexplore", top=3)`; of a nested group `part("selector/isexplore", "motion", window="hann")`.

    A change may be a dict of changes inside a group, or an object in place of one. A backbone also needs size, focal and
    audio_channels, which a run takes from its portrait.
    """
    settings = _settings(choice)
    return _build(settings if node is None else settings[node], changes)


def embedded_clip(**changes: Any) -> SyntheticClip:
    """The embedded clip of conf/clip/embedded.yaml with these changes."""
    config = overrides.composed(["clip=embedded", "trainer=cpu"])
    clip = config.clip
    return SyntheticClip(**{**clip.synthetic, "size": picture_size.of(config), **changes})


def all_metrics(**changes: bool) -> Switches:
    """The switches of conf/metrics/full.yaml with these changes."""
    return replace(heads.suite_switches(dict(overrides.composed(["metrics=full", "trainer=cpu"]).metrics)), **changes)


@cache
def _settings(choice: str) -> dict[str, Any]:
    axis, name = choice.split("/")
    config = overrides.composed([f"{axis}={name}", "trainer=cpu"])[axis]
    assert isinstance(config, DictConfig)
    settings: dict[str, Any] = OmegaConf.to_container(config)  # type: ignore[assignment]
    if axis == "backbone":
        del settings["name"]
    return settings


def _build(settings: dict[str, Any], changes: dict[str, Any]) -> Any:
    """Without hydra's instantiate, so that a part's own error arrives as it is."""
    values = {key: value for key, value in settings.items() if key != "_target_"} | changes
    for key, value in settings.items():
        if isinstance(value, dict) and "_target_" in value:
            inner = changes.get(key, {})
            values[key] = _build(value, inner) if isinstance(inner, dict) else inner
    return get_object(settings["_target_"])(**values)
