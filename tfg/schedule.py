"""Values of conf/ that follow from others: those of the trainer's profile, and steps from the length of the segment."""

from __future__ import annotations

import math
from typing import Any

from omegaconf import DictConfig, OmegaConf

SECONDS = 5.0  # length of the segment that the steps of conf/backbone are for


def register_resolvers() -> None:
    """`${by_profile:cpu value,gpu value}` and `${steps:cpu value,gpu value}` in any YAML."""
    OmegaConf.register_new_resolver("by_profile", _by_profile, replace=True)
    OmegaConf.register_new_resolver("steps", _steps, replace=True)


def growth(seconds: Any, power: Any) -> float:
    """Factor of the steps of one of SECONDS; 1 for a shorter segment, and for values that are refused elsewhere."""
    if not (is_amount(seconds) and is_amount(power)):
        return 1.0
    return float(max(1.0, seconds / SECONDS) ** power)


def is_amount(value: Any) -> bool:
    """A finite number that is not negative."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _by_profile(cpu: Any, gpu: Any, *, _root_: DictConfig) -> Any:
    return gpu if _root_.trainer.profile == "gpu" else cpu


def _steps(cpu: int, gpu: int, *, _root_: DictConfig) -> int:
    return round(_by_profile(cpu, gpu, _root_=_root_) * growth(_root_.seconds, _root_.trainer.growth))
