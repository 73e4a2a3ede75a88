"""InsTaG: a head of 3D Gaussians moved by a face field and a mouth field, composited over the frame's torso (Li et al. 2025).

With a prior that holds them the motion fields start from the universal motion field (UMF) that `pretrain.py` learns from several
people, and an aligner fits the person to it; without one the same fields are learned from the person's own seconds alone.

Differs from the paper: the geometry prior, off by default, is a fitted face mesh instead of Sapiens' depth and normals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tfg.backbones.base import Backbone, Perceptual, Wanted
from tfg.backbones.frame import Frame, FrameTruth, frame_of, truth_of
from tfg.backbones.gaussian.branch import Branch, Optimizers, place, set_rates
from tfg.backbones.gaussian.geometry import GeometryPrior
from tfg.backbones.gaussian.losses import face_loss, motion_size, mouth_loss, patch_distance, picture_loss, shown_face
from tfg.backbones.gaussian.motion import FaceField, GaussianMotion, MouthField, WarpedFaceField, mouth_hook
from tfg.backbones.gaussian.objective import GeometryRules, Weights
from tfg.backbones.gaussian.regions import polygon_mask
from tfg.backbones.gaussian.sampling import FrameSampling, GuidedFrames
from tfg.backbones.gaussian.settings import (
    Adaptation,
    DensityRules,
    FirstCloud,
    MotionShape,
    Rates,
    check_head,
)
from tfg.backbones.gaussian.stages import StageSteps
from tfg.backbones.gaussian.universal import read_fields
from tfg.backbones.layers import augment_windows
from tfg.backbones.randomness import step_randomness
from tfg.engines.gaussian import Raster
from tfg.landmarks import INNER_LIPS
from tfg.types import Batch, Portrait, UniversalMotion

_HELD_BYTES = 2**30  # of motions kept in the fuse stage

if TYPE_CHECKING:
    from tfg.backbones.triplane.prior import TriplanePrior


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
        adaptation: Adaptation,
        stages: StageSteps,
        sampling: FrameSampling,
        rates: Rates,
        weights: Weights,
        geometry: GeometryRules,
        face_density: DensityRules,
        mouth_density: DensityRules,
        sh_degree: int,
        perceptual: Perceptual | None,
        engine: str,
        lip_driven: bool,
    ) -> None:
        super().__init__(size=size, focal=focal, audio_channels=audio_channels, lip_driven=lip_driven)
        check_head(
            size=size,
            sh_degree=sh_degree,
            motion=motion,
            weights=weights,
            geometry=geometry,
            perceptual=perceptual,
            lip_driven=lip_driven,
            universal=None,
        )
        self.adaptation, self.adapted = adaptation, False
        self.cloud, self.stages, self.rates, self.weights = cloud, stages, rates, weights
        self.sampling, self.sh_degree, self.engine = sampling, sh_degree, engine
        self.perceptual = perceptual
        self.geometry = GeometryPrior(geometry, size, focal) if geometry.on else None
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        face_field = WarpedFaceField(motion, engine) if lip_driven else FaceField(motion, audio_channels, engine)
        mouth_field = MouthField(motion, None if lip_driven else audio_channels, engine)
        self.face: Branch[FaceField | WarpedFaceField] = Branch(
            face_field, face_density, sh_degree, size, focal, engine
        )
        self.mouth = Branch(mouth_field, mouth_density, sh_degree, size, focal, engine)
        self._held: dict[int, GaussianMotion] = {}  # of the mouth, by row, in the fuse stage

    @property
    def num_steps(self) -> int:
        return self.stages.total

    @property
    def stage_name(self) -> str:
        return self.stages.locate(int(self.step))[0]

    def adopt(self, learned: UniversalMotion | TriplanePrior) -> None:
        """Both fields go on from other people's, at once and with an aligner each (`adaptation`)."""
        assert isinstance(learned, UniversalMotion), "only backbones with a key `prior` are given heads"
        shape = self.face.field.shape
        shape.check_universal(learned.shape)
        read_fields({"face": self.face.field, "mouth": self.mouth.field}, learned)
        self.adapted = True
        if self.adaptation.aligner:
            self.face.align(shape.face_hidden, scaled=True)
            self.mouth.align(shape.mouth_hidden, scaled=False)

    def prepare(self, portrait: Portrait) -> None:
        self.seed.copy_(torch.randint(2**40, ()))
        place(self.face, self.mouth, portrait, self.cloud)
        if self.geometry is not None:
            self.geometry.place(portrait.face_shape)
        if isinstance(self.face.field, WarpedFaceField):
            self.face.field.warp.place(torch.from_numpy(portrait.face_shape), torch.from_numpy(portrait.audio))

    def rehearse(self, portrait: Portrait) -> Iterator[tuple[int, int]]:
        """How many Gaussians it will have is not known before; when they fuse they are half-way from the first to their limit."""
        self.prepare(portrait)
        limit = max(self.face.rules.max_num, self.cloud.face)
        grown: FirstCloud | None = replace(self.cloud, face=(self.cloud.face + limit) // 2)
        for stage, first, count in self.stages.stretches(self.size, perceptual=self.perceptual is not None):
            if stage == "fuse" and grown is not None:
                place(self.face, self.mouth, portrait, grown)
                grown = None
            yield first, count

    def wanted(self, portrait: Portrait) -> Wanted | None:
        return GuidedFrames.of(portrait, self.sampling, self.stages) if self.sampling.guided else None

    def on_train_end(self) -> None:
        self._held.clear()
        self.face.field.release()

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
        for _ in range(self.stages.halvings(int(self.step), self.size)):
            frame, truth = frame.halved(), truth.halved()
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
        with self.face.field.still(), self.mouth.field.still():
            return torch.stack([self._compose(frame, *self.motions(frame)).clamp(0, 1) for frame in frames])

    @torch.no_grad()
    def depth(self, batch: Batch) -> Tensor:
        frames = [frame_of(batch, row) for row in range(batch["audio"].shape[0])]  # type: ignore[attr-defined]
        with self.face.field.still(), self.mouth.field.still():
            return torch.stack([self._depth(frame, *self.motions(frame)) for frame in frames])

    def _depth(self, frame: Frame, face: GaussianMotion, mouth: GaussianMotion) -> Tensor:
        """(size, size) of face before mouth, as `_compose` lays them over each other."""
        front, behind = (
            branch.draw(frame, motion, frame.background, 0)
            for branch, motion in ((self.face, face), (self.mouth, mouth))
        )
        depth = front.depth + (1 - front.alpha) * behind.depth
        alpha = front.alpha + (1 - front.alpha) * behind.alpha
        return torch.where(alpha >= 0.5, depth / alpha, torch.nan)

    def _train_face(self, frame: Frame, truth: FrameTruth, step: int) -> None:
        """The head without the inside of the mouth, on a random colour.

        Differs from the paper: a new colour at every step instead of green, so that nothing can hide in it and no green
        Gaussian needs pruning; hair is never hidden.
        """
        backdrop = torch.rand(3, device=self.device)
        moving = self.adapted or step >= self.stages.warm_up
        aligned = self.adaptation.aligned(step / self.stages.face)
        motion = self._face_motion(frame, aligned) if moving else None
        raster = self.face.draw(frame, motion, backdrop, self._degree(step))
        parts = {"picture": face_loss(raster, backdrop, truth, self.weights, self.engine)}
        if motion is not None:
            parts["motion"] = self.weights.motion * motion_size(motion)
        prior = None if frame.size < self.size else self.geometry  # its mesh is drawn in the head's size
        if prior is not None and prior.rules.due(step, self.stages.face, self.face.rules.reset_every):
            parts["geometry"] = prior.loss(raster, frame, int(truth.row), shown_face(truth))
        self._descend(self.face, 0, parts, raster, step, self.stages.face, moving)

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
        motion = self._mouth_motion(frame, hook, self.adaptation.aligned(step / self.stages.mouth))
        backdrop = torch.rand(3, device=self.device)
        raster = self.mouth.draw(frame, motion, backdrop, self._degree(step))
        parts = {"picture": mouth_loss(raster, backdrop, inside, truth, self.weights, self.engine)}
        parts["motion"] = self.weights.motion * motion_size(motion)
        self._descend(self.mouth, 2, parts, raster, step, self.stages.mouth, moving=True)

    def _fuse(self, frame: Frame, truth: FrameTruth, step: int) -> None:
        """Both branches together on the whole frame, at rates that go on falling from where each branch stopped.

        Differs from the paper: InsTaG freezes geometry and motion and trains colours and the face's opacity. Here all
        train on: the seams at chin and lips are where the branches' masks were wrong, and colour cannot mend that. Of a head
        that lip motion drives, positions and the mouth's motion are held, for given the choice they average the articulation away;
        lids and brows learn on: a blink is seen in a few frames alone.
        """
        face, mouth = self._fused_motions(frame, int(truth.row)) if self.lip_driven else self.motions(frame)
        rendered = self._compose(frame, face, mouth)
        parts = {"picture": picture_loss(rendered, truth, self.weights, self.engine)}
        parts["motion"] = self.weights.motion * (motion_size(face) + motion_size(mouth))
        late = step >= self.stages.perceptual_from * self.stages.fuse
        if self.perceptual is not None and late and frame.size == self.size:
            low, high = self.weights.perceptual_patch
            side = int(torch.randint(low, high + 1, ()))
            parts["perceptual"] = self.weights.perceptual * patch_distance(self.perceptual, rendered, truth.image, side)
        optimizers: list[Any] = self.optimizers(use_pl_optimizer=False)  # type: ignore[assignment]
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(self.total(parts))
        branches = (
            (*optimizers[:2], self.stages.face, True),
            (*optimizers[2:], self.stages.mouth, not self.lip_driven),
        )
        for gaussians, motion, alone, moves in branches:
            progress = self.stages.progress(alone + step, alone)
            held = {"means": 0.0} if self.lip_driven else {}
            set_rates(gaussians, self.rates.of_gaussians(progress) | {"opacities": self.rates.fuse_opacities} | held)
            gaussians.step()
            if moves:
                set_rates(motion, self._motion_rates(alone + step, alone))
                motion.step()

    def _face_motion(self, frame: Frame, aligned: bool = True) -> GaussianMotion:
        return self.face.move(self.face.field, frame.audio, frame.upper, aligned=aligned)

    def _mouth_motion(self, frame: Frame, hook: Tensor, aligned: bool = True) -> GaussianMotion:
        return self.mouth.move(self.mouth.field, frame.audio, hook, aligned=aligned)

    def motions(self, frame: Frame) -> tuple[GaussianMotion, GaussianMotion]:
        """Of face and mouth, as they are rendered."""
        face = self._face_motion(frame)
        hook = mouth_hook(face, self.stages.hook_ranks[0])
        return face, self._mouth_motion(frame, hook)

    def _fused_motions(self, frame: Frame, row: int) -> tuple[GaussianMotion, GaussianMotion]:
        """The same where positions are held: the mouth's is computed once for each training frame, as far as memory is given."""
        self.face.field.hold(learns=True)
        face = self._face_motion(frame)
        if (mouth := self._held.get(row)) is None:
            with torch.no_grad():
                mouth = self._mouth_motion(frame, mouth_hook(face, self.stages.hook_ranks[0]))
            if (len(self._held) + 1) * mouth.nbytes <= _HELD_BYTES:
                self._held[row] = mouth
        return face, mouth

    def _compose(self, frame: Frame, face: GaussianMotion, mouth: GaussianMotion) -> Tensor:
        """(size, size, 3) face over mouth over background: F + (1 - aF) * (M + (1 - aM) * BG), as TalkingGaussian."""
        behind = self.mouth.draw(frame, mouth, frame.background, self.sh_degree).color
        return self.face.draw(frame, face, behind, self.sh_degree).color

    def _descend(
        self,
        branch: Branch[Any],
        first: int,
        parts: dict[str, Tensor],
        raster: Raster,
        step: int,
        alone: int,
        moving: bool,
    ) -> None:
        optimizers = Optimizers(*self.optimizers(use_pl_optimizer=False)[first : first + 2])  # type: ignore[index]
        optimizers.gaussians.zero_grad()
        optimizers.motion.zero_grad()
        raster.means2d.retain_grad()
        self.manual_backward(self.total(parts))
        gaussian_rates = self.rates.of_gaussians(self.stages.progress(step, alone))
        branch.step(optimizers, raster, step, gaussian_rates, self._motion_rates(step, alone) if moving else None)
        self.note(**self.noted, gaussians=len(branch.gaussians))

    def _motion_rates(self, step: int, alone: int) -> dict[str, float]:
        """Of a branch that trains `alone` steps by itself and then goes on with the other."""
        rates = self.rates.of_motion(self.stages.progress(step, alone))
        return self.adaptation.of_motion(rates, step / alone) if self.adapted else rates

    def _degree(self, step: int) -> int:
        return self.sh_degree if step >= self.stages.harmonics_from else 0
