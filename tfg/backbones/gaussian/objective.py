"""What a Gaussian head's losses weigh, as conf/backbone/instag.yaml sets it, checked. No torch: see `settings.py`."""

from __future__ import annotations

from dataclasses import dataclass

from tfg.types import InputError

SMALLEST_PATCH = 31  # pixels: what the strides of LPIPS's AlexNet leave something of


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of the losses beside L1."""

    dissimilarity: float  # 1 - SSIM
    lips: float  # L1 once more in the lip box
    alpha: float  # face alpha against the head mask, mouth alpha against the lip box
    perceptual: float  # of patches in the fuse stage, where there is a perceptual loss
    perceptual_patch: tuple[int, int]  # pixels, the range that a step draws their side from
    motion: float  # mean |change| of positions, rotations, sizes

    def __post_init__(self) -> None:
        object.__setattr__(self, "perceptual_patch", tuple(self.perceptual_patch))
        sides = self.perceptual_patch
        whole = len(sides) == 2 and all(isinstance(side, int) for side in sides)
        if not whole or not SMALLEST_PATCH <= sides[0] <= sides[1]:
            raise InputError(
                f"backbone.weights.perceptual_patch is {list(sides)}; it must be two whole numbers of pixels, "
                f"the first at least {SMALLEST_PATCH} and not the larger"
            )
        for name, value in vars(self).items():
            if name == "perceptual_patch":
                continue
            if value < 0 or (name == "dissimilarity" and value > 1):
                raise InputError(f"backbone.weights.{name} is {value}; it must be 0 or more, dissimilarity at most 1")


@dataclass(frozen=True, kw_only=True)
class GeometryRules:
    """How the face branch is drawn to the depth and the normals of the person's face mesh."""

    depth: float  # weight of the row-normalised depth
    normal: float  # of the normals
    start: float  # share of the face stage
    pause: int  # steps without it after an opacity reset

    def __post_init__(self) -> None:
        for name in ("depth", "normal", "pause"):
            if getattr(self, name) < 0:
                raise InputError(f"backbone.geometry.{name} is {getattr(self, name)}; it must be 0 or more")
        if not 0 <= self.start <= 1:
            raise InputError(f"backbone.geometry.start is {self.start}; it must be in [0, 1]")

    @property
    def on(self) -> bool:
        return self.depth > 0 or self.normal > 0

    def due(self, step: int, steps: int, reset_every: int) -> bool:
        """Whether a step of the face stage, `steps` long, counts it; opacities are reset each `reset_every` steps, 0 never."""
        resting = reset_every > 0 and step >= reset_every and step % reset_every < self.pause
        return step >= self.start * steps and not resting
