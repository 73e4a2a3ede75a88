"""Steps, stages and learning rates of SyncTalk's training."""

from __future__ import annotations

from dataclasses import dataclass

from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Length of the two stages, learning rates of the parameter groups and their decay over the whole training."""

    steps: int = 17_500  # of both stages: 125 frames x 140 epochs
    lips_steps: int = 7_000  # the last steps, which look at patches
    lr_grid: float = 1e-2
    lr_net: float = 1e-3
    lr_attention: float = 5e-3  # the attention over the audio window
    decay: float = 0.5  # factor of the rates at the end, head stage
    decay_lips: float = 0.05  # factor the lips stage heads for
    weight_decay_grid: float = 0.01  # AdamW's default, which the official code leaves on
    weight_decay_net: float = 0.0
    weight_decay_speech: float = 0.0
    weight_decay_attention: float = 1e-4
    occupancy_every: int = 16
    average_decay: float = 0.95  # 0 = render the last weights
    average_every: int = 1000

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.lips_steps <= self.steps:
            raise InputError(
                f"backbone.schedule: steps={self.steps} must be at least 1 and lips_steps={self.lips_steps} lie in 0..steps"
            )
        for name in ("lr_grid", "lr_net", "lr_attention", "decay", "decay_lips"):
            if getattr(self, name) <= 0:
                raise InputError(f"backbone.schedule.{name}={getattr(self, name)} must be above 0")
        for name in ("occupancy_every", "average_every"):
            if getattr(self, name) < 1:
                raise InputError(f"backbone.schedule.{name} must be at least 1")
        if not 0 <= self.average_decay < 1:
            raise InputError(f"backbone.schedule.average_decay={self.average_decay} must lie in [0, 1)")

    def is_lips(self, step: int) -> bool:
        """Whether step (from 0) belongs to the lips stage."""
        return step >= self.steps - self.lips_steps

    def rate(self, step: int) -> float:
        """Factor of every learning rate at a step: 0.5^(step / head steps), in the lips stage 0.05^(step / all steps).

        At the border it falls, from 0.5 to 0.166 with the paper's 60 + 40 thousand steps, because the official code
        reloads the step counter there.
        """
        if self.is_lips(step):
            return self.decay_lips ** (step / self.steps)
        return self.decay ** (step / (self.steps - self.lips_steps))
