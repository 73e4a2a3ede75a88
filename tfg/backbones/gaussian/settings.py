"""What conf/backbone/instag.yaml sets, checked: first cloud, motion networks, stages, learning rates, density rules.

The losses' are in `objective.py`. The YAML holds every value and the papers' own; nothing has a default here.
No torch, so that a wrong value is refused at once.
Positions are in head units, about ten times the papers' unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfg import assets
from tfg.backbones.gaussian.objective import SMALLEST_PATCH, GeometryRules, Weights
from tfg.types import InputError


def check_head(
    *,
    size: int,
    sh_degree: int,
    motion: MotionShape,
    weights: Weights,
    geometry: GeometryRules,
    perceptual: object,
    lip_driven: bool,
    universal: dict[str, Any] | None,
) -> None:
    """InputError unless the constructor of `Instag` can use what is no group of its own; pictures are `size` pixels wide.

    `perceptual`: of the fuse stage, None without.
    `universal`: shape of the motion fields learned from other people that the head is to start from, None where it starts from none.
    """
    if sh_degree not in range(4):
        raise InputError(f"backbone.sh_degree is {sh_degree}; it must be 0, 1, 2 or 3")
    if lip_driven and not motion.hook:
        raise InputError(
            "backbone.motion.hook=false: with conditioning=lips nothing else moves the mouth; set it to true"
        )
    if perceptual is not None and weights.perceptual_patch[1] > size:
        raise InputError(
            f"backbone.weights.perceptual_patch is {list(weights.perceptual_patch)}; the pictures are {size} pixels wide: "
            f"give two sides within [{SMALLEST_PATCH}, {size}], or backbone.perceptual=null"
        )
    if geometry.on:
        assets.located("face_landmarker")  # its mesh
    if universal is not None:
        motion.check_universal(universal)


@dataclass(frozen=True, kw_only=True)
class FirstCloud:
    """What a training starts from."""

    face: int  # Gaussians
    mouth: int  # Gaussians
    mouth_depth: float  # head units behind the lips
    opacity: float  # of all, in (0, 1)

    def __post_init__(self) -> None:
        for name in ("face", "mouth", "mouth_depth"):
            if getattr(self, name) <= 0:
                raise InputError(f"backbone.cloud.{name} is {getattr(self, name)}; it must be positive")
        if not 0 < self.opacity < 1:
            raise InputError(f"backbone.cloud.opacity is {self.opacity}; it must be between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Learning rates of Adam and AdamW."""

    means: float  # of positions at the start of a branch, head units
    means_final: float  # and at its end
    base: float  # of the colour that does not depend on the view
    harmonics: float
    opacities: float
    scales: float
    quats: float
    grid: float
    networks: float
    audio: float
    motion_final: float  # multiplier of the three above at the end of a branch
    grid_decay: float  # AdamW weight decay
    network_decay: float
    audio_decay: float
    fuse_opacities: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0 or (value == 0 and name in ("means", "means_final", "motion_final")):
                raise InputError(
                    f"backbone.rates.{name} is {value}; it must not be negative, means and finals be above 0"
                )

    def of_gaussians(self, progress: float) -> dict[str, float]:
        """Rate of every parameter of a branch whose training is at `progress` in [0, 1]."""
        means = self.means * (self.means_final / self.means) ** progress
        fixed = ("base", "harmonics", "opacities", "scales", "quats")
        return {"means": means, **{name: getattr(self, name) for name in fixed}}

    def of_motion(self, progress: float) -> dict[str, float]:
        gain = self.motion_final**progress
        return {name: gain * getattr(self, name) for name in ("grid", "networks", "audio")}


@dataclass(frozen=True, kw_only=True)
class MotionShape:
    """Sizes and noise of the motion networks."""

    bound: float  # head units that the grid covers; a plane gives zeros outside
    base: float  # resolution of the coarsest grid level
    desired: float  # of the finest
    levels: int
    face_hidden: int  # width of the hidden layers
    mouth_hidden: int
    reach: float  # head units that one unit of network output moves a Gaussian
    code: int  # width of the audio code
    audio_hidden: tuple[int, ...]  # widths in the per-frame encoder
    dropout: float  # of audio inputs and hidden units
    noise: float  # standard deviation added to normalised audio in training
    shift: float  # frames, largest random time shift of an audio window in training
    hook: bool  # whether the mouth field's input has the face's motion

    def __post_init__(self) -> None:
        object.__setattr__(self, "audio_hidden", tuple(self.audio_hidden))
        if min(self.audio_hidden, default=1) < 1:
            raise InputError(f"backbone.motion.audio_hidden is {list(self.audio_hidden)}; every width must be positive")
        for name, low, high in (("levels", 1, 64), ("base", 1, 1 << 16), ("desired", 1, 1 << 16)):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"backbone.motion.{name} is {getattr(self, name)}; it must lie in [{low}, {high}]")
        for name in ("bound", "face_hidden", "mouth_hidden", "reach", "code"):
            if getattr(self, name) <= 0:
                raise InputError(f"backbone.motion.{name} is {getattr(self, name)}; it must be positive")
        if not 0 <= self.dropout < 1:
            raise InputError(f"backbone.motion.dropout is {self.dropout}; it must be in [0, 1)")
        for name in ("noise", "shift"):
            if getattr(self, name) < 0:
                raise InputError(f"backbone.motion.{name} is {getattr(self, name)}; it must not be negative")

    @property
    def shared(self) -> dict[str, Any]:
        """What a head must share with the motion fields that it starts from, as JSON holds it; training's own noise is not in it."""
        own = {name: value for name, value in vars(self).items() if name not in ("dropout", "noise", "shift")}
        return own | {"audio_hidden": list(self.audio_hidden)}

    def check_universal(self, universal: dict[str, Any]) -> None:
        """InputError that names the keys in which motion fields of the shape `universal` differ."""
        own = self.shared
        differing = [name for name in sorted(own.keys() | universal.keys()) if own.get(name) != universal.get(name)]
        if differing:
            theirs = " ".join(f"backbone.motion.{name}={universal.get(name)}" for name in differing)
            raise InputError(f"prior: its motion fields were learned with {theirs}; set that, or learn others")


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """How a head goes on from other people's motion fields; times are shares of the steps that a branch trains alone."""

    aligner: bool  # whether the person's places and reach are aligned with everybody's
    aligner_from: float  # time
    aligner_grid: float  # learning rate of its grid, as a share of rates.grid
    aligner_network: float  # of its network, as a share of rates.networks
    thaw: float  # time until which the fields learn slowly
    slow: float  # share of their rates until then

    def __post_init__(self) -> None:
        for name in ("aligner_from", "thaw", "slow"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"backbone.adaptation.{name} is {getattr(self, name)}; it must be in [0, 1]")
        for name in ("aligner_grid", "aligner_network"):
            if getattr(self, name) < 0:
                raise InputError(f"backbone.adaptation.{name} is {getattr(self, name)}; it must not be negative")

    def aligned(self, time: float) -> bool:
        return self.aligner and time >= self.aligner_from

    def of_motion(self, rates: dict[str, float], time: float) -> dict[str, float]:
        """Rates of the fields and of the aligner, from those that fields without a prior would have now."""
        gain = self.slow if time < self.thaw else 1.0
        return {name: gain * rate for name, rate in rates.items()} | self.of_aligner(rates)

    def of_aligner(self, rates: dict[str, float]) -> dict[str, float]:
        return {"aligner_grid": self.aligner_grid * rates["grid"], "aligner": self.aligner_network * rates["networks"]}


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """How motion fields are learned from several people; steps count for each person."""

    seconds: float  # of each person's video
    face: int  # steps of the face, warm-up included
    face_warm_up: int  # static
    mouth: int
    mouth_warm_up: int
    personal: bool  # whether each person has motion fields of their own beside the shared ones
    personal_rate: float  # learning rates of those, as a share of the shared ones'
    contrast: float  # weight of what two people's own fields have in common
    face_others: int  # people that a person is compared with at a step
    mouth_others: int
    average: float  # share of the averaged fields that a step keeps

    def __post_init__(self) -> None:
        for name in ("seconds", "face", "mouth"):
            if getattr(self, name) <= 0:
                raise InputError(f"pretraining.{name} is {getattr(self, name)}; it must be positive")
        for name in ("personal_rate", "contrast", "face_others", "mouth_others"):
            if getattr(self, name) < 0:
                raise InputError(f"pretraining.{name} is {getattr(self, name)}; it must not be negative")
        for name in ("face", "face_warm_up", "mouth", "mouth_warm_up", "face_others", "mouth_others"):
            if not isinstance(getattr(self, name), int):
                raise InputError(f"pretraining.{name} is {getattr(self, name)}; it must be a whole number")
        for branch in ("face", "mouth"):
            if not 0 <= getattr(self, f"{branch}_warm_up") < getattr(self, branch):
                raise InputError(
                    f"pretraining.{branch}_warm_up is {getattr(self, f'{branch}_warm_up')}; it must be below pretraining.{branch}"
                )
        if not 0 <= self.average < 1:
            raise InputError(f"pretraining.average is {self.average}; it must be in [0, 1)")


@dataclass(frozen=True, kw_only=True)
class DensityRules:
    """When and what; steps count from the beginning of the branch's own training."""

    every: int  # steps
    start: int  # first step that may grow or prune
    stop: int  # the step after the last
    gradient: float  # mean screen gradient per normalised device unit above which a Gaussian is grown
    percent_dense: float  # head units: smaller ones are cloned, larger ones split
    opacity_floor: float  # pruned below floor + rise * step / stop
    opacity_rise: float
    largest: float  # head units: larger ones are pruned
    reset_every: int  # steps between opacity resets; 0 never
    max_num: int  # no growth beyond it
    min_num: int  # the most opaque so many are never pruned, so that a mouth that hardly opens keeps its branch

    def __post_init__(self) -> None:
        for name in ("every", "gradient", "percent_dense", "largest", "max_num", "min_num"):
            if getattr(self, name) <= 0:
                raise InputError(
                    f"backbone.face_density or mouth_density: {name} is {getattr(self, name)}; it must be positive"
                )

    def due(self, step: int) -> bool:
        return self.start <= step < self.stop and step % self.every == 0

    def floor(self, step: int) -> float:
        return self.opacity_floor + self.opacity_rise * step / self.stop
