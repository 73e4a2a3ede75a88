"""Shapes of the tri-plane generator, its decoder and its renderer, checked. No torch, so that a wrong value is refused at once.

The prior's file states the shape that it was learned with (`prior.py`); `SMALL` and `FULL` are the two that are learned.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tfg.backbones.triplane.delta_settings import UnetShape
from tfg.backbones.triplane.stages import Tracing
from tfg.types import InputError

FIRST_RESOLUTION = 4  # pixels of a side of the learned constant that the generator starts from
Corner = tuple[float, float, float]
NO_FIELD = (
    "prior: backbone=talk3d has no motion field to start from other people's; take conditioning=lips or prior=none"
)


def check_head(
    *,
    size: int,
    planes: PlaneShape,
    unet: UnetShape,
    tracing: Tracing,
    perceptual: Any,
    universal: dict[str, Any] | None,
) -> None:
    """InputError unless the constructor of `Talk3D` can use these groups together; pictures are `size` pixels wide.

    `universal`: shape of the motion fields learned from other people that the head is to start from; there is none to start.
    """
    if universal is not None:
        raise InputError(NO_FIELD)
    unet.check_planes(planes.resolution)
    tracing.check_size(size, perceptual=perceptual is not None)


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What was learned of other people's heads."""

    weights: str | None  # a file of `python -m experiments.pretrain_triplane`; None: the person's own frames teach all
    closeness: float  # weight of the mean square of the code's distance from the mean code, in its deviations
    locality: float  # weight of what the tuned generator makes of codes near the person's against what it made before
    neighbour: float  # of these codes: share of the way from the person's to a drawn one
    rays: int  # that they are compared on

    def __post_init__(self) -> None:
        if self.closeness < 0 or self.locality < 0:
            raise InputError("backbone.prior: closeness and locality must be 0 or more")
        if not 0 < self.neighbour <= 1:
            raise InputError(f"backbone.prior.neighbour={self.neighbour} must be above 0 and at most 1")
        if self.rays < 1:
            raise InputError(f"backbone.prior.rays={self.rays} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class PlaneShape:
    """Size of the generator: identity code -> three planes."""

    code: int  # width of a code
    channels: int  # of each plane
    widths: tuple[int, ...]  # channels of the ladder at 4, 8, 16, ... pixels of a side

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        for name in ("code", "channels"):
            if getattr(self, name) < 1:
                raise InputError(f"planes.{name}={getattr(self, name)} must be at least 1")
        if not 1 <= len(self.widths) <= 8 or min(self.widths) < 1:
            raise InputError(f"planes.widths={list(self.widths)} must be 1 to 8 numbers from 1 up")

    @property
    def resolution(self) -> int:
        """Pixels of a plane's side."""
        return FIRST_RESOLUTION << (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class DecoderShape:
    """Size of the net from a point's features to its density and colour."""

    hidden: int
    colours: int  # 3: RGB; more: features of the super-resolution, of which the first three are RGB

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.colours < 3:
            raise InputError(
                f"decoder: hidden={self.hidden} must be at least 1 and colours={self.colours} at least 3, red, green and blue"
            )


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Where a ray is sampled: `uniform` places between the sides of a box, then `importance` more where the first saw something."""

    uniform: int
    importance: int  # 0: one pass
    low: Corner  # of the box, field units
    high: Corner

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", tuple(self.low))
        object.__setattr__(self, "high", tuple(self.high))
        if self.uniform < 2 or self.importance < 0:
            raise InputError(
                f"sampling: uniform={self.uniform} must be at least 2 and importance={self.importance} 0 or more"
            )
        sides = list(zip(self.low, self.high, strict=True))
        if len(sides) != 3 or not all(-1 <= low < high <= 1 for low, high in sides):
            raise InputError(f"sampling: the box from {self.low} to {self.high} must lie in [-1, 1] and have a volume")

    @property
    def count(self) -> int:
        """Samples of a ray in both passes."""
        return self.uniform + self.importance


@dataclass(frozen=True, kw_only=True)
class TriplaneShape:
    """All that a generator's weights depend on."""

    planes: PlaneShape
    decoder: DecoderShape
    sampling: Sampling

    def __post_init__(self) -> None:
        groups = {"planes": PlaneShape, "decoder": DecoderShape, "sampling": Sampling}
        for name, group in groups.items():
            if not isinstance(value := getattr(self, name), group):
                object.__setattr__(self, name, group(**value))

    def check_prior(self, learned: TriplaneShape) -> None:
        """InputError where weights of a generator and a decoder of the shape `learned` are not for these."""
        for name in ("planes", "decoder"):
            own, other = getattr(self, name), getattr(learned, name)
            if own != other:
                raise InputError(
                    f"backbone.prior.weights: was learned with {_said(name, other)}, not with {_said(name, own)}; give these keys its "
                    "values, or take the prior of this trainer"
                )

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON keeps it; `TriplaneShape(**plain)` is the same shape."""
        return asdict(self)


# Synthetic heads reach from (-0.5, -1, -0.2) to (0.5, 0.6, 0.7); a head with hair is larger.
_HEAD = {"low": (-0.8, -1.0, -0.5), "high": (0.8, 0.8, 0.9)}
# What two cores can learn and personalise.
SMALL = TriplaneShape(
    planes=PlaneShape(code=128, channels=32, widths=(128, 128, 96, 64, 48)),
    decoder=DecoderShape(hidden=32, colours=3),
    sampling=Sampling(uniform=16, importance=16, **_HEAD),
)
# EG3D's (Chan et al. 2022) as Talk3D uses it: planes 3 x 32 x 256 x 256 of a code of 512, 32 -> 64 -> 1 + 32, 48 + 48 samples.
FULL = TriplaneShape(
    planes=PlaneShape(code=512, channels=32, widths=(512, 512, 512, 512, 512, 256, 128)),
    decoder=DecoderShape(hidden=64, colours=32),
    sampling=Sampling(uniform=48, importance=48, **_HEAD),
)


def _said(name: str, group: PlaneShape | DecoderShape) -> str:
    """As overrides of the backbone."""
    keys = asdict(group).items()
    return " ".join(
        f"backbone.{name}.{key}={list(value) if isinstance(value, tuple) else value}" for key, value in keys
    )
