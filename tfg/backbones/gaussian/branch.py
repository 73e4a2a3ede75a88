"""Face or mouth: its Gaussians, its motion field, its density state, and the two optimisers that train them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tfg.backbones.frame import Frame
from tfg.backbones.gaussian.aligner import Aligner
from tfg.backbones.gaussian.cloud import Cloud, head_cloud, mouth_cloud
from tfg.backbones.gaussian.density import Density, regrow, reset_opacity
from tfg.backbones.gaussian.gaussians import NAMES, Gaussians, neighbour_distance
from tfg.backbones.gaussian.motion import Field, GaussianMotion
from tfg.backbones.gaussian.settings import DensityRules, FirstCloud, Rates
from tfg.engines.gaussian import Raster, rasterize
from tfg.landmarks import EYES, NOSE_BASE
from tfg.types import Portrait

FieldType = TypeVar("FieldType", bound=Field)


@dataclass(frozen=True)
class Optimizers:
    gaussians: Optimizer
    motion: Optimizer


class Branch(nn.Module, Generic[FieldType]):
    def __init__(
        self, field: FieldType, rules: DensityRules, sh_degree: int, size: int, focal: float, engine: str
    ) -> None:
        super().__init__()
        self.gaussians, self.density, self.field = Gaussians(sh_degree), Density(), field
        self.rules, self.size, self.focal, self.engine = rules, size, focal, engine
        self.aligner: Aligner | None = None
        self.scaled = False  # whether the aligner also scales the motion

    def align(self, hidden: int, *, scaled: bool) -> None:
        """From now on the field is evaluated at aligned places; `hidden` is the width of the aligner's network."""
        self.aligner, self.scaled = Aligner(self.field.shape, hidden, self.engine), scaled

    def place(self, cloud: Cloud, opacity: float) -> None:
        """Start from a cloud; a Gaussian is as large as its nearest neighbours are far."""
        sizes = neighbour_distance(cloud.points).clamp(1e-3, 0.3)
        self.gaussians.fill(cloud.points, cloud.colors, sizes, opacity)
        self.density.resize(len(self.gaussians), cloud.points.device)

    def make_room(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take the number of Gaussians from a checkpoint's state."""
        num = state[f"{prefix}.gaussians.means"].shape[0]
        self.gaussians.resize(num)
        self.density.resize(num, torch.device("cpu"))

    def move(
        self, field: nn.Module, *conditions: Tensor, aligned: bool, own: GaussianMotion | None = None
    ) -> GaussianMotion:
        """Motion of the Gaussians by a field under its conditions, in the order of InsTaG's renderers.

        The field is evaluated at the aligned places, the person's `own` motion is added, and the shift of the positions is scaled
        where the branch says so; what moves are the Gaussians where they are.
        """
        points = self.gaussians.means
        if self.aligner is None or not aligned:
            motion: GaussianMotion = field(points, *conditions)
            return motion if own is None else motion.plus(own)
        offset, scale = self.aligner(points)
        motion = field(points + offset, *conditions)
        motion = motion if own is None else motion.plus(own)
        return replace(motion, means=motion.means * scale) if self.scaled else replace(motion, offset=offset)

    def moved(self, motion: GaussianMotion | None) -> tuple[Tensor, Tensor, Tensor]:
        """Positions (n, 3), quaternions (n, 4) of any norm and sizes (n, 3) in head units; without motion as they rest."""
        gaussians = self.gaussians
        means, quats, scales = gaussians.means, gaussians.quats, gaussians.scales
        if motion is not None:
            means = means + motion.means
            quats = quats if motion.quats is None else quats + motion.quats
            scales = scales if motion.scales is None else scales + motion.scales
        return means, quats, nn.functional.softplus(scales)

    def draw(self, frame: Frame, motion: GaussianMotion | None, background: Tensor, degree: int) -> Raster:
        """The branch in the frame's size over `background` (3,) or (size, size, 3); without motion as it rests."""
        gaussians, size = self.gaussians, frame.size
        return rasterize(
            *self.moved(motion),
            gaussians.alphas,
            gaussians.coefficients(degree),
            rotation=frame.rotation,
            translation=frame.translation,
            focal=self.focal * size / self.size,
            width=size,
            height=size,
            background=background,
            sh_degree=degree,
            engine=self.engine,
        )

    def optimizers(self, rates: Rates) -> Optimizers:
        """Adam for the Gaussians, AdamW for the motion, as InsTaG; `step` sets the rates."""
        motion = field_groups(self.field, rates)
        if (aligner := self.aligner) is not None:
            if aligner.tables is not self.field.tables:
                motion.append({"params": [aligner.tables], "name": "aligner_grid", "weight_decay": rates.grid_decay})
            motion.append(
                {
                    "params": list(aligner.network.parameters()),
                    "name": "aligner",
                    "weight_decay": rates.network_decay,
                }
            )
        groups = [{"params": [getattr(self.gaussians, name)], "name": name} for name in NAMES]
        return Optimizers(torch.optim.Adam(groups, lr=0.0, eps=1e-15, fused=True), motion_optimizer(motion))

    def step(
        self,
        optimizers: Optimizers,
        raster: Raster,
        step: int,
        gaussian_rates: dict[str, float],
        motion_rates: dict[str, float] | None,
    ) -> None:
        """After a backward pass: note the screen gradients, step, grow and prune when due. Without motion rates motion stays."""
        self.density.add(raster)
        set_rates(optimizers.gaussians, gaussian_rates)
        optimizers.gaussians.step()
        if motion_rates is not None:
            set_rates(optimizers.motion, motion_rates)
            optimizers.motion.step()
        if self.rules.due(step):
            regrow(self.gaussians, self.density, optimizers.gaussians, self.rules, step)
        if self.rules.reset_every and step and step % self.rules.reset_every == 0:
            reset_opacity(self.gaussians, optimizers.gaussians)


def field_groups(field: Field, rates: Rates) -> list[dict[str, Any]]:
    """Parameters of a motion field with their weight decay: its grid, its networks and, where it has one, its audio encoder."""
    audio = [] if field.audio is None else list(field.audio.parameters())
    special = {id(parameter) for parameter in [field.tables, *audio]}
    networks = [parameter for parameter in field.parameters() if id(parameter) not in special]
    groups: list[dict[str, Any]] = [
        {"params": [field.tables], "name": "grid", "weight_decay": rates.grid_decay},
        {"params": networks, "name": "networks", "weight_decay": rates.network_decay},
    ]
    if audio:
        groups.append({"params": audio, "name": "audio", "weight_decay": rates.audio_decay})
    return groups


def motion_optimizer(groups: list[dict[str, Any]]) -> Optimizer:
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), fused=True)


def set_rates(optimizer: Optimizer, rates: dict[str, float]) -> None:
    """Rate of every named group; groups without a rate stand still."""
    for group in optimizer.param_groups:
        group["lr"] = rates.get(group["name"], 0.0)


def place(face: Branch[Any], mouth: Branch[Any], portrait: Portrait, cloud: FirstCloud) -> None:
    """The first Gaussians of a portrait, and where its face is divided between speech and expression."""
    generator = torch.default_generator
    face.place(head_cloud(portrait, cloud.face, generator), cloud.opacity)
    mouth.place(mouth_cloud(portrait, cloud.mouth, cloud.mouth_depth, generator), cloud.opacity)
    shape = torch.from_numpy(portrait.face_shape)
    face.field.eye_line.copy_(shape[EYES, 1].mean())
    face.field.nose_base.copy_(shape[NOSE_BASE, 1])
