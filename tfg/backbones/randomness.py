"""The random draws of a training step, by the step alone: a resumed training repeats them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def step_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from torch's generators as if they had just been seeded, and leave them as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        if device.type == "cuda":
            torch.manual_seed(seed)
        else:  # of the CPU alone: seeding all kinds of devices costs 4 % of a step
            torch.default_generator.manual_seed(seed)
        yield
