"""One whole training iteration of each backbone at 128 pixels, from its own YAML, on the tests' analytic portrait."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import default_collate

from benchmarks.timing import Case
from tests.portraits import make_scene
from tfg import overrides, parts
from tfg.data import audio_statistics, audio_windows, batches
from tfg.types import Portrait

SIZE, FRAMES, CHANNELS = 128, 16, 80
FIRST_STEP = {"cpu": 401, "gpu": 4001}  # past the static warm-up of the Gaussian head, in the ray stage of the NeRF
STEPS_AT_ONCE = 4  # of one timing: steps differ (every 16th updates the occupancy grid)


@functools.cache
def portrait_of(frames: int, size: int) -> Portrait:
    """The person that every engine learns."""
    return make_scene(num_frames=frames, size=size, channels=CHANNELS).portrait


def prepared(
    backbone: str,
    engine: str,
    *,
    device: str = "cpu",
    size: int = SIZE,
    frames: int = FRAMES,
    changes: dict[str, Any] | None = None,
) -> Any:
    """A fresh backbone, its YAML merged with `changes`, placed in its portrait."""
    portrait = portrait_of(frames, size)
    torch.manual_seed(0)
    profile = "gpu" if device == "cuda" else "cpu"
    composed = overrides.composed([f"backbone={backbone}", f"trainer={profile}"])
    config = OmegaConf.merge(composed, {"backbone": {**(changes or {}), "engine": engine}})
    assert isinstance(config, DictConfig)
    module: Any = parts.backbone(config, size=size, focal=portrait.cameras.focal, audio_channels=CHANNELS)
    module.prepare(portrait)
    return module.to(device)


def iteration(
    backbone: str,
    engine: str,
    *,
    device: str = "cpu",
    size: int = SIZE,
    frames: int = FRAMES,
    changes: dict[str, Any] | None = None,
) -> Callable[[], None]:
    """A function that trains such a backbone by one step a call."""
    portrait = portrait_of(frames, size)
    module = prepared(backbone, engine, device=device, size=size, frames=frames, changes=changes).train()
    module.step.fill_(FIRST_STEP["gpu" if device == "cuda" else "cpu"])
    optimizers = module.configure_optimizers()
    # What Lightning's trainer would supply.
    module.optimizers = lambda use_pl_optimizer=True: optimizers
    module.manual_backward = lambda loss: loss.backward()
    windows = audio_windows(portrait.audio, *audio_statistics(portrait.audio))
    rows = batches(portrait, windows, device=torch.device(device), truth=True)
    ready = [default_collate([rows[row]]) for row in range(len(rows))]

    def step() -> None:
        number = int(module.step)
        module.training_step(ready[number % frames], number)

    return step


def step_case(backbone: str, required: float) -> Case:
    """A few steps in a row, with every operation on the torch twin and on the C engine."""

    def several(step: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(STEPS_AT_ONCE):
                step()

        return run

    variants = {engine: several(iteration(backbone, engine)) for engine in ("torch", "cpu")}
    return Case(name=f"step_{backbone}_{SIZE}", variants=variants, required={"torch": required})


def cases() -> list[Case]:
    """Issue 3's rows."""
    return [step_case("instag", 6), step_case("synctalk", 2.5)]


def profile(backbone: str, steps: int = 32, rows: int = 12) -> str:
    """Markdown table: where a training iteration on the C engine spends its time, by operation."""
    step = iteration(backbone, "cpu")
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            step()
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    lines = [f"| operation of step_{backbone}_{SIZE} | ms a step | share |", "|---|---|---|"]
    for event in events[:rows]:
        spent = event.self_cpu_time_total
        lines.append(f"| `{event.key}` | {spent / steps / 1e3:.2f} | {100 * spent / total:.0f} % |")
    return "\n".join([*lines, f"| all | {total / steps / 1e3:.1f} | 100 % |"])
