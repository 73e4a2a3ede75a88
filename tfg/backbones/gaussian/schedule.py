"""When a Gaussian head learns what, and how fast: stages, learning rates, loss weights."""

from __future__ import annotations

from dataclasses import dataclass

from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class FirstCloud:
    """What a training starts from."""

    face: int = 2_000  # Gaussians
    mouth: int = 5_000
    mouth_depth: float = 0.4  # head units behind the lips
    opacity: float = 0.1  # of all

    def __post_init__(self) -> None:
        for name in ("face", "mouth", "mouth_depth"):
            if getattr(self, name) <= 0:
                raise InputError(f"backbone.cloud.{name} is {getattr(self, name)}; it must be positive")
        if not 0 < self.opacity < 1:
            raise InputError(f"backbone.cloud.opacity is {self.opacity}; it must be between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Steps of each stage; one frame a step (InsTaG: face 10,000, mouth 10,000, fuse 2,000)."""

    warm_up: int = 3000  # of the face's steps, static (TalkingGaussian; InsTaG has a pre-trained field and no warm-up)
    face: int = 10_000  # warm-up included
    mouth: int = 10_000
    fuse: int = 2_000
    harmonics_from: int = 1_000  # step of a branch from which the colour depends on the view
    min_mouth_pixels: float = (
        20.0  # of a 512 x 512 picture; frames that show less of the mouth's inside are passed over
    )
    hook_ranks: tuple[int, int] = (
        10,
        50,
    )  # of the face-mouth hook: drawn in this range in training, the first in rendering

    def __post_init__(self) -> None:
        for name in ("face", "mouth", "fuse"):
            if getattr(self, name) <= 0:
                raise InputError(f"backbone.stages.{name} is {getattr(self, name)}; it must be positive")
        if not 0 <= self.warm_up <= self.face:
            raise InputError(f"backbone.stages.warm_up is {self.warm_up}; it must be within stages.face = {self.face}")

    @property
    def total(self) -> int:
        return self.face + self.mouth + self.fuse

    def progress(self, step: int, alone: int) -> float:
        """In [0, 1]: step of a branch that trains `alone` steps by itself and then `fuse` steps with the other."""
        return step / (alone + self.fuse)

    def locate(self, step: int) -> tuple[str, int]:
        """Stage that a step belongs to ("face", "mouth" or "fuse") and the step counted from its beginning."""
        if step < self.face:
            return "face", step
        if step < self.face + self.mouth:
            return "mouth", step - self.face
        return "fuse", step - self.face - self.mouth


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Learning rates, TalkingGaussian's and InsTaG's; positions are in head units, ten times the papers' unit."""

    means: float = 1.6e-3  # papers: 1.6e-4 times the camera extent
    means_final: float = 1.6e-5
    base: float = 2.5e-3
    harmonics: float = 1.25e-4  # base / 20
    opacities: float = 0.05
    scales: float = 3e-3
    quats: float = 1e-3
    grid: float = 5e-3
    networks: float = 5e-4
    audio: float = 2.5e-3
    motion_final: float = 0.5  # multiplier of the three above at the end of a branch
    grid_decay: float = 0.01  # AdamW weight decay; the papers' default reaches only the grids
    network_decay: float = 0.0
    audio_decay: float = 1e-4
    fuse_opacities: float = 1e-3

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
class Weights:
    """Of the losses, TalkingGaussian's and InsTaG's."""

    dissimilarity: float = 0.2  # 1 - SSIM
    lips: float = 0.0  # L1 once more in the lip box; InsTaG has LPIPS there
    alpha: float = 1e-3  # face alpha against the head mask, mouth alpha against the lip box
    motion: float = 1e-5  # mean |change| of positions, rotations, sizes

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0 or (name == "dissimilarity" and value > 1):
                raise InputError(f"backbone.weights.{name} is {value}; it must be 0 or more, dissimilarity at most 1")
