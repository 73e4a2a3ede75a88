"""What conf/backbone/synctalk.yaml sets, checked: schedule, field, speech encoder, sampling, loss weights.

The YAML holds every value and the paper's own; nothing has a default here. No torch, so that a wrong value is refused at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfg.types import PRECISIONS, InputError

NO_FIELD = "prior: backbone=synctalk has no motion field to start from other people's; take conditioning=lips"


def check_head(
    *,
    size: int,
    sampling: Sampling,
    occupancy_resolution: int,
    depth_margin: float,
    num_codes: int,
    code_width: int,
    precision: str,
    universal: dict[str, Any] | None,
) -> None:
    """InputError unless the constructor of `SyncTalk` can use what is no group of its own; pictures are `size` pixels wide.

    `universal`: shape of the motion fields learned from other people that the head is to start from; there is none to start.
    """
    if universal is not None:
        raise InputError(NO_FIELD)
    if precision not in PRECISIONS:
        raise InputError(f"backbone.precision={precision} is unknown: choose one of {', '.join(PRECISIONS)}")
    if sampling.patch > size:
        raise InputError(f"backbone.sampling.patch={sampling.patch} is larger than the pictures ({size} pixels)")
    if occupancy_resolution < 8 or depth_margin <= 0 or num_codes < 0 or code_width < 1:
        raise InputError(
            "backbone: occupancy_resolution must be at least 8, depth_margin above 0, num_codes 0 or more, code_width 1 or more"
        )


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Length of the two stages, learning rates of the parameter groups and their decay over the whole training."""

    steps: int  # of both stages
    lips_steps: int  # the last of them, which train on patches
    lr_grid: float
    lr_net: float
    lr_attention: float  # of the attention over the audio window
    decay: float  # factor of the rates at the end, head stage
    decay_lips: float  # factor that the lips stage goes towards
    weight_decay_grid: float
    weight_decay_net: float
    weight_decay_speech: float
    weight_decay_attention: float
    occupancy_every: int  # steps
    average_decay: float  # of the rendered weights; 0 = render the last weights
    average_every: int  # steps

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


@dataclass(frozen=True, kw_only=True)
class FieldShape:
    """Size of the field's grid and nets."""

    levels: int
    channels: int  # features a level
    log2_size: int  # a level has at most 2**log2_size entries
    base: float  # resolution of the coarsest level
    finest: float  # and of the finest
    hidden: int  # width of the hidden layers
    direction_degree: int  # spherical harmonics of the viewing direction; 1 = colour does not depend on it
    gate_width: float  # field units over which audio and expression fade beyond their region; 0 = no gate

    def __post_init__(self) -> None:
        limits = (
            ("levels", 1, 64),
            ("channels", 1, 64),
            ("log2_size", 3, 28),
            ("base", 1, 1 << 16),
            ("finest", 1, 1 << 16),
        )
        for name, low, high in limits:
            if not low <= getattr(self, name) <= high:
                raise InputError(f"backbone.field.{name}={getattr(self, name)} must lie in {low}..{high}")
        if not 1 <= self.direction_degree <= 4:
            raise InputError(f"backbone.field.direction_degree={self.direction_degree} must lie in 1..4")
        if self.hidden < 1:
            raise InputError(f"backbone.field.hidden={self.hidden} must be at least 1")
        if self.gate_width < 0:
            raise InputError(f"backbone.field.gate_width={self.gate_width} must be 0 (off) or more")


@dataclass(frozen=True, kw_only=True)
class SpeechShape:
    """Size of the audio encoder, and what keeps it from learning 125 vectors by heart."""

    hidden: tuple[int, ...]  # widths in the per-frame encoder
    width: int  # of the code
    dropout: float  # of the features and of the hidden units
    noise: float  # standard deviations added to the normalised features
    shift: float  # frames of random shift in time

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.width < 1 or any(width < 1 for width in self.hidden):
            raise InputError("backbone.speech.hidden and backbone.speech.width must be at least 1")
        if not 0 <= self.dropout < 1:
            raise InputError(f"backbone.speech.dropout={self.dropout} must lie in [0, 1)")
        if self.noise < 0 or self.shift < 0:
            raise InputError("backbone.speech.noise and backbone.speech.shift must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How many rays a step draws, where, and how finely they are sampled."""

    num_rays: int  # a step
    max_samples: int  # occupied samples a ray
    step: float  # field units between samples
    near: float  # field units before which no sample lies
    mouth_share: float  # of the rays, drawn in the lower face box
    outside_share: float  # drawn where the head is not but its box is; the rest is drawn on the head
    patch: int  # pixels of the square patches of the lips stage

    def __post_init__(self) -> None:
        for name, low in (("num_rays", 1), ("max_samples", 1), ("patch", 11)):
            if getattr(self, name) < low:
                raise InputError(f"backbone.sampling.{name}={getattr(self, name)} must be at least {low}")
        if self.step <= 0:
            raise InputError(f"backbone.sampling.step={self.step} must be above 0")
        if min(self.mouth_share, self.outside_share, self.near) < 0 or self.mouth_share + self.outside_share > 1:
            raise InputError(
                "backbone.sampling: mouth_share and outside_share must be 0 or more and at most 1 together"
            )


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms beside L1; `attention`, `smoothness` and `uncertainty` are ramped by step / num_steps."""

    entropy: float  # of the opacity
    attention: float  # audio outside and expression inside the lower face
    smoothness: float  # attention and uncertainty at a point and beside it, every `smoothness_every` steps
    smoothness_every: int
    uncertainty: float  # of the uncertainty net in the head stage; 0 = there is none
    structure: float  # D-SSIM on the patches of the lips stage
    perceptual_lips: float  # LPIPS on the lip box; only with perceptual weights
    perceptual_patch: float  # LPIPS on random patches

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise InputError(f"backbone.weights.{name}={value} is negative: give 0 or more")
        if self.smoothness_every < 1:
            raise InputError("backbone.weights.smoothness_every must be at least 1")
