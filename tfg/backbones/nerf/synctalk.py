"""The SyncTalk core: a tri-plane hash field driven by speech and expression, marched through an occupancy grid.

Architecture and training are those of SyncTalk's official code (Peng et al. 2024).
The field, rays, region, losses and settings are the other files of this room.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.optim import AdamW

from tfg.backbones import rays
from tfg.backbones.base import Backbone, Perceptual
from tfg.backbones.nerf import losses
from tfg.backbones.nerf.articulation import Articulation
from tfg.backbones.nerf.head import Average, TalkingHead
from tfg.backbones.nerf.region import find_region
from tfg.backbones.nerf.settings import NO_FIELD, FieldShape, LossWeights, Sampling, Schedule, SpeechShape, check_head
from tfg.backbones.nerf.tracing import Traced, Tracer
from tfg.backbones.nerf.view import HeadView, ViewTruth, truth_of, views_of
from tfg.engines import OccupancyGrid
from tfg.types import Batch, InputError, Portrait, UniversalMotion

if TYPE_CHECKING:
    from tfg.backbones.triplane.prior import TriplanePrior


class SyncTalk(Backbone):
    """NeRF head (Peng et al. 2024).

    Differs from the paper: no LPIPS unless `perceptual` is given, the lips stage then uses L1 + D-SSIM on its patches;
    the uncertainty net is a key, off by default (`weights.uncertainty`); audio and
    expression are gated by region (`FieldShape.gate_width`); rays are drawn mostly on the head (`Sampling`). Driven by lip motion,
    its points are taken back to the face at rest (`Articulation`), and the speech code is left what a warp cannot make.
    """

    def __init__(
        self,
        *,
        size: int,
        focal: float,
        audio_channels: int,
        field: FieldShape,
        speech: SpeechShape,
        sampling: Sampling,
        weights: LossWeights,
        schedule: Schedule,
        occupancy_resolution: int,
        depth_margin: float,
        num_codes: int,
        code_width: int,
        perceptual: Perceptual | None,
        engine: str,
        precision: str,
        lip_driven: bool,
    ) -> None:
        super().__init__(size=size, focal=focal, audio_channels=audio_channels, lip_driven=lip_driven)
        check_head(
            size=size,
            sampling=sampling,
            occupancy_resolution=occupancy_resolution,
            depth_margin=depth_margin,
            num_codes=num_codes,
            code_width=code_width,
            precision=precision,
            universal=None,
        )
        self.sampling, self.weights, self.schedule = sampling, weights, schedule
        self.engine, self.precision = engine, precision
        self.depth_margin = depth_margin
        self.perceptual = perceptual
        self.head = TalkingHead(
            audio_channels=audio_channels,
            num_codes=num_codes,
            code_width=code_width if num_codes else 0,
            speech=speech,
            shape=field,
            uncertain=weights.uncertainty > 0,
            engine=engine,
        )
        self.average = Average(self.head, schedule.average_decay)
        self.occupancy = OccupancyGrid(occupancy_resolution, bound=1.0)
        self.register_buffer("box", torch.tensor([[-1.0, -1, -1], [1, 1, 1]]))
        self.register_buffer("gates", torch.zeros(2))
        self.articulation = Articulation() if lip_driven else None
        self.register_buffer("draw_seed", torch.randint(2**31, ()))
        self.box: Tensor
        self.gates: Tensor
        self.draw_seed: Tensor

    @property
    def num_steps(self) -> int:
        return self.schedule.steps

    @property
    def stage_name(self) -> str:
        return "lips" if self.schedule.is_lips(int(self.step)) else "head"

    def adopt(self, learned: UniversalMotion | TriplanePrior) -> None:
        raise InputError(NO_FIELD)

    def prepare(self, portrait: Portrait) -> None:
        region = find_region(portrait, self.occupancy.resolution, self.depth_margin)
        if self.articulation is not None:
            self.articulation.place(portrait)
            region = region.covering(self.articulation.reached)
        self.occupancy.exclude(~region.hull.to(self.box.device)[self.occupancy.order().unbind(-1)])
        self.box.copy_(region.box)
        self.gates.copy_(region.gates)

    def rehearse(self, portrait: Portrait) -> Iterator[tuple[int, int]]:
        """Space is not yet known to be empty anywhere in the hull, so that steps of the head stage take longer than they will."""
        self.prepare(portrait)
        first = self.schedule.steps - self.schedule.lips_steps
        yield 0, first
        yield first, self.schedule.lips_steps

    def configure_optimizers(self) -> AdamW:
        """One AdamW, betas (0, 0.99), with a group for each learning rate and weight decay, as SyncTalk."""
        return AdamW(list(self.head.groups(self.schedule)), betas=(0.0, 0.99))

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        step = int(self.step)
        view, target = views_of(batch)[0], truth_of(batch)
        with self._own_random_numbers(step):
            if step % self.schedule.occupancy_every == 0:
                self._update_occupancy(view)
            on_patch = self._trains_on_patch(step)
            parts = self._patch_losses(view, target, step) if on_patch else self._ray_losses(view, target, step)
            loss = self.total(parts)

        optimizer = cast(AdamW, self.optimizers())
        for group in optimizer.param_groups:
            group["lr"] = group["full_lr"] * self.schedule.rate(step)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.step += 1
        if self.schedule.average_decay and (step + 1) % self.schedule.average_every == 0:
            self.average.update(self.head)

    @torch.no_grad()
    def render(self, batch: Batch) -> Tensor:
        """(b, size, size, 3) in [0, 1]; rays that miss the head's box are background."""
        head = self._rendered_head()
        pictures, tracer = [], self._tracer
        for view in views_of(batch):
            picture = tracer.look(head, view)
            pictures.append(picture.reshape(self.size, self.size, 3).clamp(0, 1))
        return torch.stack(pictures)

    @torch.no_grad()
    def depth(self, batch: Batch) -> Tensor:
        head, tracer = self._rendered_head(), self._tracer
        pictures = []
        for view in views_of(batch):
            depth = view.background.new_full((self.size**2,), torch.nan)
            pixels = tracer.box_pixels(view).nonzero()[:, 0]
            if len(pixels):
                depth[pixels] = tracer.depth(head, view, pixels)
            pictures.append(depth.reshape(self.size, self.size))
        return torch.stack(pictures)

    def _rendered_head(self) -> TalkingHead:
        """The average of the learner, once there is one."""
        averaged = self.schedule.average_decay > 0 and int(self.average.updates) > 0
        head = cast(TalkingHead, self.average.copy) if averaged else self.head
        return head.eval()

    @contextmanager
    def _own_random_numbers(self, step: int) -> Iterator[None]:
        """Rays, dropout and noise of a step depend on the step alone, whoever else draws random numbers: resume is exact."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(int(self.draw_seed) + step)
            yield

    @property
    def _tracer(self) -> Tracer:
        return Tracer(
            size=self.size,
            focal=self.focal,
            sampling=self.sampling,
            occupancy=self.occupancy,
            box=self.box,
            gates=self.gates,
            articulation=self.articulation,
            engine=self.engine,
            precision=self.precision,
        )

    def _trace_training(self, view: HeadView, pixels: Tensor) -> Traced:
        """The learner, each ray's samples shifted by a random part of a step, under the frame's own code."""
        offset = torch.rand(len(pixels), device=pixels.device)
        row = view.index % len(self.head.codes) if len(self.head.codes) else 0
        return self._tracer.trace(self.head, view, pixels, code_row=row, offset=offset)

    def _ray_losses(self, view: HeadView, target: ViewTruth, step: int) -> dict[str, Tensor]:
        """L1 with opacity entropy and the ramped attention terms on drawn rays of the frame."""
        weights, ramp = self.weights, step / self.schedule.steps
        lower = rays.lower_face_box(target.landmarks, self.size)
        pixels = rays.draw_pixels(self._draw_weights(view, target, lower), self.sampling.num_rays)
        traced = self._trace_training(view, pixels)
        inside = rays.inside_box(pixels, lower, self.size)
        silent = losses.ray_attention(traced.audio_attention, traced.samples.ray, ~inside)
        still = losses.ray_attention(traced.upper_attention, traced.samples.ray, inside)
        in_head_stage = not self.schedule.is_lips(step)
        parts = {"picture": self._photometric(traced, target, pixels, ramp if in_head_stage else None)}
        parts["entropy"] = weights.entropy * losses.opacity_entropy(traced.opacity)
        parts["attention"] = weights.attention * ramp * (silent + still)
        if in_head_stage and weights.smoothness and step % weights.smoothness_every == 0:
            parts["smoothness"] = weights.smoothness * ramp * self._roughness(traced.samples.points)
        return parts

    def _photometric(self, traced: Traced, target: ViewTruth, pixels: Tensor, ramp: float | None) -> Tensor:
        """L1; with a ramp and an uncertainty net by what that expects, which is learned beside."""
        true, expected = target.image[pixels], traced.uncertainty
        if expected is None or ramp is None:
            return losses.mean_difference(traced.color, true)
        face = rays.inside_box(pixels, rays.landmark_box(target.landmarks, self.size), self.size)
        learned = losses.uncertainty(expected, traced.color - true, face)
        weighted = losses.mean_difference(traced.color, true, losses.excuse(expected, ramp))
        return weighted + self.weights.uncertainty * ramp * learned

    def _draw_weights(self, view: HeadView, target: ViewTruth, lower: rays.Box) -> Tensor:
        """(size * size,) how often a pixel is drawn: shares of the head, the lower face and what surrounds the head."""
        outside = ~target.head & self._tracer.box_pixels(view)
        mouth = target.head & rays.inside_box(torch.arange(self.size**2, device=self.box.device), lower, self.size)
        mouth_share, outside_share = self.sampling.mouth_share, self.sampling.outside_share
        shares = ((target.head, 1 - mouth_share - outside_share), (mouth, mouth_share), (outside, outside_share))
        weights = torch.zeros(self.size**2, device=self.box.device)
        for region, share in shares:
            weights += region * (share / region.sum().clamp_min(1))
        return weights if weights.any() else torch.ones_like(weights)

    def _roughness(self, points: Tensor) -> Tensor:
        """Mean absolute change of attentions and uncertainty over up to 1e-3 field units (SyncTalk's smoothness term)."""
        jitter = (2 * torch.rand(points.shape, device=points.device) - 1) * 1e-3
        field = self.head.field
        features, audio, upper = field.attend(points, self.gates)
        near, audio_near, upper_near = field.attend((points + jitter).clamp(-1, 1), self.gates)
        rough = (audio - audio_near).abs().mean() + (upper - upper_near).abs().mean()
        doubt, doubt_near = field.uncertainty(features), field.uncertainty(near)
        return rough if doubt is None or doubt_near is None else rough + (doubt - doubt_near).abs().mean()

    def _trains_on_patch(self, step: int) -> bool:
        """In the lips stage odd steps train on the lips, even ones on random patches where there is a perceptual loss."""
        return self.schedule.is_lips(step) and (step % 2 == 1 or self.perceptual is not None)

    def _patch_losses(self, view: HeadView, target: ViewTruth, step: int) -> dict[str, Tensor]:
        """L1, opacity entropy and structure (or LPIPS) on the lip box or on a random patch: SyncTalk's lips stage."""
        points, lips = target.landmarks, step % 2 == 1
        if not lips:
            drawn = rays.draw_pixels(target.head.float(), 1)[0]
            points = (torch.stack([drawn % self.size, drawn // self.size]) + 0.5).expand(len(points), 2)
        box = rays.square_lip_box(points, self.size, self.sampling.patch)
        pixels = rays.box_pixels(box, self.size, self.box.device)
        traced = self._trace_training(view, pixels)
        side = box[1] - box[0]
        made, true = traced.color.reshape(side, side, 3), target.image[pixels].reshape(side, side, 3)
        parts = {"picture": losses.mean_difference(made, true)}
        parts["entropy"] = self.weights.entropy * losses.opacity_entropy(traced.opacity)
        if self.perceptual is None:
            return {**parts, "structure": self.weights.structure * losses.structure(made, true)}
        weight = self.weights.perceptual_lips if lips else self.weights.perceptual_patch
        pictures = [image.permute(2, 0, 1)[None] * 2 - 1 for image in (made, true)]
        return {**parts, "perceptual": weight * self.perceptual(pictures[0], pictures[1]).mean()}

    @torch.no_grad()
    def _update_occupancy(self, view: HeadView) -> None:
        """Refresh the density grid under this frame's speech and expression; cells outside the hull hold nothing."""
        audio = self.head.encode_audio(view.audio)[0]

        def density(points: Tensor) -> Tensor:
            return self.head.field.geometry(points, audio, view.upper, self.gates)[0]

        cell = 2 / self.occupancy.resolution
        self.occupancy.update(density if self.articulation is None else self.articulation.most(density, cell))
