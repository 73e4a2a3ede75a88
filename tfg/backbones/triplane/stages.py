"""Steps of each stage of a Talk3D head's training, how fast it learns, what its losses weigh. No torch, as `settings.py`."""

from __future__ import annotations

from dataclasses import dataclass

from tfg.types import InputError

STAGES = ("invert", "tune", "delta", "refine")
SMALLEST_PATCH = 31  # pixels: what the strides of LPIPS's AlexNet leave something of


@dataclass(frozen=True, kw_only=True)
class StageSteps:
    """Steps of each stage; one frame a step."""

    views: int  # frames that invert and tune learn from, spread over the poses
    invert: int  # the code alone
    tune: int  # generator and decoder, the code held
    delta: int  # U-Net and tokens, all else held
    refine: int  # the net that enlarges pictures, all else held; none where pictures are traced in full

    def __post_init__(self) -> None:
        if self.views < 1:
            raise InputError(f"backbone.stages.views={self.views} must be at least 1")
        for name in STAGES:
            if getattr(self, name) < 0:
                raise InputError(f"backbone.stages.{name}={getattr(self, name)} is negative: give 0 or more")
        if not self.total:
            raise InputError("backbone.stages: invert, tune, delta and refine are all 0; give one of them steps")

    @property
    def settled(self) -> int:
        """The step from which the identity's planes change no more."""
        return self.invert + self.tune

    @property
    def total(self) -> int:
        return self.settled + self.delta + self.refine

    def locate(self, step: int) -> tuple[str, int, int]:
        """Stage of a step, the step counted from its beginning, and the stage's steps; a step beyond all is the last stage's."""
        for name in STAGES:
            steps = getattr(self, name)
            if step < steps:
                return name, step, steps
            step -= steps
        return self.locate(self.total - 1)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Learning rates of Adam."""

    invert: float
    tune: float
    delta: float
    refine: float
    final: float  # multiplier of a stage's rate at its end; it falls exponentially

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise InputError(f"backbone.rates.{name}={value} must be above 0")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of the losses."""

    picture: float  # mean absolute difference
    dissimilarity: float  # 1 - SSIM
    alpha: float  # cross entropy of opacity and head mask
    perceptual: float  # of pictures, where there is a perceptual loss
    lips: float  # mean squared difference around the lips, in the delta stage
    perceptual_lips: float  # there, where there is a perceptual loss

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise InputError(f"backbone.weights.{name}={value} is negative: give 0 or more")


@dataclass(frozen=True, kw_only=True)
class Tracing:
    """Which pixels rays are traced for."""

    side: int  # pixels of a side at most; larger pictures are enlarged
    stride: int  # in training every so many rows and columns, from a random first
    patch: int  # pixels of the square around the lips that the delta stage traces in full
    enlarger_width: int  # channels of the net that enlarges

    def __post_init__(self) -> None:
        for name in ("side", "stride", "patch", "enlarger_width"):
            if getattr(self, name) < 1:
                raise InputError(f"backbone.tracing.{name}={getattr(self, name)} must be at least 1")

    def check_size(self, size: int, *, perceptual: bool) -> None:
        """InputError where pictures of `size` pixels cannot be traced so."""
        ratio = size // min(self.side, size)
        if ratio & (ratio - 1) or size % ratio or ratio * min(self.side, size) != size:
            raise InputError(
                f"backbone.tracing.side={self.side} must be the pictures' {size} pixels, more, or a half, a quarter ... of them"
            )
        least = min(self.patch, min(self.side, size) // self.stride)
        if perceptual and least < SMALLEST_PATCH:
            raise InputError(
                f"backbone.tracing: patch and side / stride are {least} pixels; backbone.perceptual needs {SMALLEST_PATCH}"
            )
