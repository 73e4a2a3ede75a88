"""InsTaG: a head of 3D Gaussians moved by a face field and a mouth field, composited over the frame's torso (Li et al. 2025).

Without the multi-identity pre-training: InsTaG starts from a universal motion field (UMF) learned on five people and adapts
it by an aligner, with Sapiens depth and normals as a geometry prior. Both are priors that need data or weights which cannot
ship. Here the same fields are learned from the person's own seconds, so an aligner would have nothing to align.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tfg.backbones.base import Backbone, Wanted
from tfg.backbones.gaussian.branch import Branch, Optimizers, set_rates
from tfg.backbones.gaussian.cloud import head_cloud, mouth_cloud
from tfg.backbones.gaussian.frame import Frame, FrameTruth, frame_of, truth_of
from tfg.backbones.gaussian.losses import photometric
from tfg.backbones.gaussian.motion import FaceField, GaussianMotion, MouthField, WarpedFaceField, mouth_hook
from tfg.backbones.gaussian.regions import box_mask, box_slices, polygon_mask
from tfg.backbones.gaussian.sampling import FrameSampling, GuidedFrames
from tfg.backbones.gaussian.settings import (
    DensityRules,
    FirstCloud,
    MotionShape,
    Rates,
    StageSteps,
    Weights,
    check_head,
)
from tfg.backbones.layers import augment_windows
from tfg.engines.gaussian import Raster
from tfg.landmarks import EYES, INNER_LIPS, NOSE_BASE, OUTER_LIPS
from tfg.types import Batch, Portrait


class Instag(Backbone):
    """The face branch is trained first, then the mouth behind it, then the colours of both on the whole frame."""

    seed: Tensor  # () int64; with `step` it fixes every random draw of a step, so that a resumed run repeats them

    def __init__(
        self,
        *,
        size: int,
        focal: float,
        audio_channels: int,
        cloud: FirstCloud,
        motion: MotionShape,
        stages: StageSteps,
        sampling: FrameSampling,
        rates: Rates,
        weights: Weights,
        face_density: DensityRules,
        mouth_density: DensityRules,
        sh_degree: int,
        engine: str,
        lip_driven: bool,
    ) -> None:
        super().__init__(size=size, focal=focal, audio_channels=audio_channels, lip_driven=lip_driven)
        check_head(sh_degree=sh_degree)
        self.cloud, self.stages, self.rates, self.weights = cloud, stages, rates, weights
        self.sampling, self.sh_degree, self.engine = sampling, sh_degree, engine
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        face_field = WarpedFaceField(motion, engine) if lip_driven else FaceField(motion, audio_channels, engine)
        mouth_field = MouthField(motion, None if lip_driven else audio_channels, engine)
        self.face: Branch[FaceField | WarpedFaceField] = Branch(
            face_field, face_density, sh_degree, size, focal, engine
        )
        self.mouth = Branch(mouth_field, mouth_density, sh_degree, size, focal, engine)

    @property
    def num_steps(self) -> int:
        return self.stages.total

    @property
    def stage_name(self) -> str:
        return self.stages.locate(int(self.step))[0]

    def prepare(self, portrait: Portrait) -> None:
        self.seed.copy_(torch.randint(2**40, ()))
        cloud, generator = self.cloud, torch.default_generator
        self.face.place(head_cloud(portrait, cloud.face, generator), cloud.opacity)
        self.mouth.place(mouth_cloud(portrait, cloud.mouth, cloud.mouth_depth, generator), cloud.opacity)
        shape = torch.from_numpy(portrait.face_shape)
        self.face.field.eye_line.copy_(shape[EYES, 1].mean())
        self.face.field.nose_base.copy_(shape[NOSE_BASE, 1])
        if isinstance(self.face.field, WarpedFaceField):
            self.face.field.warp.place(shape, torch.from_numpy(portrait.audio))

    def wanted(self, portrait: Portrait) -> Wanted | None:
        return GuidedFrames.of(portrait, self.sampling, self.stages) if self.sampling.guided else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Make room for the checkpoint's Gaussians; Lightning builds the optimisers and restores their state after this."""
        self.face.make_room(checkpoint["state_dict"], "face")
        self.mouth.make_room(checkpoint["state_dict"], "mouth")

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        face, mouth = self.face.optimizers(self.rates), self.mouth.optimizers(self.rates)
        return [face.gaussians, face.motion, mouth.gaussians, mouth.motion]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        stage, step = self.stages.locate(int(self.step))
        frame, truth = frame_of(batch), truth_of(batch)
        with step_randomness(int(self.seed) + int(self.step), self.device):
            if not self.lip_driven:
                # One draw a step: face and mouth get the same sound.
                shape = self.face.field.shape
                frame = replace(frame, audio=augment_windows(frame.audio, noise=shape.noise, shift=shape.shift))
            if stage == "face":
                self._train_face(frame, truth, step)
            elif stage == "mouth":
                self._train_mouth(frame, truth, step)
            else:
                self._fuse(frame, truth, step)
        self.step += 1

    @torch.no_grad()
    def render(self, batch: Batch) -> Tensor:
        frames = [frame_of(batch, row) for row in range(batch["audio"].shape[0])]  # type: ignore[attr-defined]
        return torch.stack([self._compose(frame, *self._motions(frame)).clamp(0, 1) for frame in frames])

    def _train_face(self, frame: Frame, truth: FrameTruth, step: int) -> None:
        """The head without the inside of the mouth, on a random colour.

        Differs from the paper: a new colour at every step instead of green, so that nothing can hide in it and no green
        Gaussian needs pruning; hair is never hidden.
        """
        shown = truth.head_mask * (1 - polygon_mask(truth.landmarks[INNER_LIPS], self.size))
        backdrop = torch.rand(3, device=self.device)
        target = torch.lerp(backdrop, truth.image, shown[..., None])
        moving = step >= self.stages.warm_up
        motion = self._face_motion(frame) if moving else None
        raster = self.face.draw(frame, motion, backdrop, self._degree(step))
        loss = self._photometric(raster.color, target, truth)
        loss = loss + self.weights.alpha * (raster.alpha - shown).abs().mean() + self._size_of(motion)
        self._descend(self.face, 0, loss, raster, step, self.stages.face, moving)

    def _train_mouth(self, frame: Frame, truth: FrameTruth, step: int) -> None:
        """The inside of the mouth alone; a frame that hardly shows it teaches nothing and is passed over.

        Differs from the paper: InsTaG evaluates the face at zero expression here and at the real one in rendering
        (its official code); both are the real one here, which cannot matter as expression does not reach the mouth.
        """
        inside = polygon_mask(truth.landmarks[INNER_LIPS], self.size)
        if float(inside.sum()) < self.stages.min_mouth_pixels * (self.size / 512) ** 2:
            return
        low, high = self.stages.hook_ranks
        with torch.no_grad():
            hook = mouth_hook(self._face_motion(frame), int(torch.randint(low, high + 1, ())))
        motion = self.mouth.field(self.mouth.gaussians.means, frame.audio, hook)
        backdrop = torch.rand(3, device=self.device)
        raster = self.mouth.draw(frame, motion, backdrop, self._degree(step))
        rendered = torch.lerp(backdrop, raster.color, inside[..., None])
        target = torch.lerp(backdrop, truth.image, inside[..., None])
        lips = box_mask(truth.landmarks[OUTER_LIPS], self.size)
        loss = photometric(rendered, target, self.weights.dissimilarity, self.engine)
        loss = loss + self.weights.alpha * (raster.alpha - lips).abs().mean() + self._size_of(motion)
        self._descend(self.mouth, 2, loss, raster, step, self.stages.mouth, moving=True)

    def _fuse(self, frame: Frame, truth: FrameTruth, step: int) -> None:
        """Both branches together on the whole frame, at rates that go on falling from where each branch stopped.

        Differs from the paper: InsTaG freezes geometry and motion and trains colours and the face's opacity. Here all
        train on: the seams at chin and lips are where the branches' masks were wrong, and colour cannot mend that.
        """
        face, mouth = self._motions(frame)
        rendered = self._compose(frame, face, mouth)
        loss = self._photometric(rendered, truth.image, truth) + self._size_of(face) + self._size_of(mouth)
        optimizers: list[Any] = self.optimizers(use_pl_optimizer=False)  # type: ignore[assignment]
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(loss)
        for gaussians, motion, alone in ((*optimizers[:2], self.stages.face), (*optimizers[2:], self.stages.mouth)):
            progress = self.stages.progress(alone + step, alone)
            set_rates(gaussians, self.rates.of_gaussians(progress) | {"opacities": self.rates.fuse_opacities})
            set_rates(motion, self.rates.of_motion(progress))
            gaussians.step()
            motion.step()
        self.log("loss", loss.detach())

    def _photometric(self, rendered: Tensor, target: Tensor, truth: FrameTruth) -> Tensor:
        """L1 + D-SSIM of the picture, and L1 once more in the lip box.

        Differs from the paper: the lip box stands in for LPIPS on it, whose weights are not part of a training here.
        """
        loss = photometric(rendered, target, self.weights.dissimilarity, self.engine)
        rows, columns = box_slices(truth.landmarks[OUTER_LIPS], self.size)
        lips = (rendered[rows, columns] - target[rows, columns]).abs().sum() / rendered.numel()
        return loss + self.weights.lips * lips

    def _face_motion(self, frame: Frame) -> GaussianMotion:
        return self.face.field(self.face.gaussians.means, frame.audio, frame.upper)

    def _motions(self, frame: Frame) -> tuple[GaussianMotion, GaussianMotion]:
        """Of face and mouth, as they are rendered."""
        face = self._face_motion(frame)
        hook = mouth_hook(face, self.stages.hook_ranks[0])
        return face, self.mouth.field(self.mouth.gaussians.means, frame.audio, hook)

    def _compose(self, frame: Frame, face: GaussianMotion, mouth: GaussianMotion) -> Tensor:
        """(size, size, 3) face over mouth over background: F + (1 - aF) * (M + (1 - aM) * BG), as TalkingGaussian."""
        behind = self.mouth.draw(frame, mouth, frame.background, self.sh_degree).color
        return self.face.draw(frame, face, behind, self.sh_degree).color

    def _descend(
        self, branch: Branch[Any], first: int, loss: Tensor, raster: Raster, step: int, alone: int, moving: bool
    ) -> None:
        optimizers = Optimizers(*self.optimizers(use_pl_optimizer=False)[first : first + 2])  # type: ignore[index]
        optimizers.gaussians.zero_grad()
        optimizers.motion.zero_grad()
        raster.means2d.retain_grad()
        self.manual_backward(loss)
        branch.step(optimizers, raster, self.rates, step, self.stages.progress(step, alone), moving)
        self.log("loss", loss.detach())
        self.log("gaussians", float(len(branch.gaussians)))

    def _degree(self, step: int) -> int:
        return self.sh_degree if step >= self.stages.harmonics_from else 0

    def _size_of(self, motion: GaussianMotion | None) -> Tensor | float:
        """Weighted mean size of the motion, so that nothing moves without a reason."""
        if motion is None:
            return 0.0
        parts = [part.abs().mean() for part in (motion.means, motion.quats, motion.scales) if part is not None]
        return self.weights.motion * torch.stack(parts).sum()


@contextlib.contextmanager
def step_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from torch's generators as if they had just been seeded, and leave them as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        if device.type == "cuda":
            torch.manual_seed(seed)
        else:  # of the CPU alone: seeding all kinds of devices costs 4 % of a step
            torch.default_generator.manual_seed(seed)
        yield
