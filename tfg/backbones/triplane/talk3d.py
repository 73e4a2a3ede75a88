"""Talk3D: a tri-plane head from a generator that knows other people, whose planes speech moves (Ko et al. 2024).

Generator, decoder and renderer, the U-Net, its tokens, personalisation and settings are the other files of this room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.optim import Adam

from tfg.backbones import rays
from tfg.backbones.base import Backbone, Perceptual, Wanted
from tfg.backbones.frame import Frame, FrameTruth, frame_of, truth_of
from tfg.backbones.layers import augment_windows
from tfg.backbones.randomness import step_randomness
from tfg.backbones.triplane import losses
from tfg.backbones.triplane.decoder import Decoder
from tfg.backbones.triplane.delta_settings import AttentionShape, TokenShape, UnetShape
from tfg.backbones.triplane.enlarge import Enlarger, enlarged
from tfg.backbones.triplane.generator import PlaneGenerator
from tfg.backbones.triplane.personalise import CodePrior, Pivot, spread_rows
from tfg.backbones.triplane.settings import (
    NO_FIELD,
    DecoderShape,
    PlaneShape,
    Prior,
    Sampling,
    TriplaneShape,
    check_head,
)
from tfg.backbones.triplane.stages import STAGES, Rates, StageSteps, Tracing, Weights
from tfg.backbones.triplane.tokens import Tokens
from tfg.backbones.triplane.tracing import Tracer
from tfg.backbones.triplane.unet import DeltaPlanes
from tfg.backbones.triplane.volume import Traced
from tfg.types import Batch, InputError, Portrait, UniversalMotion

if TYPE_CHECKING:
    from tfg.backbones.triplane.prior import TriplanePrior


class Talk3D(Backbone):
    """The person's code is found first, then the generator tuned to them, then the U-Net learns what each frame adds to the planes.

    Differs from the paper: the prior is learned from drawn heads, not EG3D's from FFHQ, and knows the head alone, which is laid over
    the frame's torso by its opacity; so there is an opacity loss. No identity loss (ArcFace) and no sync loss (Wav2Lip's SyncNet): the
    tree has neither net in a form that pictures could learn from. D-SSIM beside LPIPS, which may be absent. The net that enlarges
    traced pictures is learned from the person's frames alone (`enlarge.py`).
    """

    seed: Tensor  # () int64; with `step` it fixes every random draw of a step, so that a resumed run repeats them
    planes: Tensor  # (3, channels, resolution, resolution) of the identity, once they change no more

    def __init__(
        self,
        *,
        size: int,
        focal: float,
        audio_channels: int,
        prior: Prior,
        planes: PlaneShape,
        decoder: DecoderShape,
        sampling: Sampling,
        unet: UnetShape,
        attention: AttentionShape,
        tokens: TokenShape,
        stages: StageSteps,
        rates: Rates,
        weights: Weights,
        tracing: Tracing,
        perceptual: Perceptual | None,
        engine: str,
        lip_driven: bool,
    ) -> None:
        super().__init__(size=size, focal=focal, audio_channels=audio_channels, lip_driven=lip_driven)
        check_head(size=size, planes=planes, unet=unet, tracing=tracing, perceptual=perceptual, universal=None)
        side = min(tracing.side, size)
        self.tracer = Tracer(side=side, focal=focal * side / size, sampling=sampling, engine=engine)
        self.stages = stages if side < size else replace(stages, refine=0)
        self.shape = TriplaneShape(planes=planes, decoder=decoder, sampling=sampling)
        self.prior, self.rates, self.weights, self.tracing = prior, rates, weights, tracing
        self.perceptual, self.engine = perceptual, engine
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("planes", torch.zeros(3, planes.channels, planes.resolution, planes.resolution))
        self.code = nn.Parameter(torch.zeros(planes.code))
        self.people = CodePrior(planes.code)
        self.generator, self.decoder = PlaneGenerator(planes), Decoder(planes.channels, decoder)
        self.pivot: Pivot | None = None
        self.tokens = Tokens(tokens, audio_channels=audio_channels, focal=focal, size=size)
        self.unet = DeltaPlanes((planes.channels, *unet.widths), tokens.width, attention)
        doublings = (size // side).bit_length() - 1
        self.enlarger = Enlarger(1 + decoder.colours, tracing.enlarger_width, doublings) if doublings else None

    @property
    def num_steps(self) -> int:
        return self.stages.total

    @property
    def stage_name(self) -> str:
        return self.stages.locate(int(self.step))[0]

    def adopt(self, learned: UniversalMotion | TriplanePrior) -> None:
        """Generator and decoder are other people's, the code is their mean, and tuning is held near them."""
        if isinstance(learned, UniversalMotion):
            raise InputError(NO_FIELD)
        self.shape.check_prior(learned.shape)
        learned.fill(self.generator, self.decoder)
        self.people.place(torch.from_numpy(learned.mean), torch.from_numpy(learned.covariance))
        with torch.no_grad():
            self.code.copy_(self.people.mean)
        if self.stages.tune and self.prior.locality:
            self.pivot = Pivot(self.generator, self.decoder)

    def prepare(self, portrait: Portrait) -> None:
        self.seed.copy_(torch.randint(2**40, ()))
        self.tokens.place(portrait)
        self._settle()

    def wanted(self, portrait: Portrait) -> Wanted:
        chosen = spread_rows(portrait, self.stages.views)
        return lambda step: chosen if step < self.stages.settled else None

    def rehearse(self, portrait: Portrait) -> Iterator[tuple[int, int]]:
        self.prepare(portrait)
        first = 0
        for name in STAGES:
            steps = getattr(self.stages, name)
            yield first, steps
            first += steps

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One for each stage, in their order."""
        return [Adam(group, lr=getattr(self.rates, name)) for name, group in self._learned().items() if group]

    def _learned(self) -> dict[str, list[nn.Parameter]]:
        """What each stage learns, all else held."""
        return {
            "invert": [self.code],
            "tune": [*self.generator.parameters(), *self.decoder.parameters()],
            "delta": [*self.unet.parameters(), *self.tokens.parameters()],
            "refine": [] if self.enlarger is None else [*self.enlarger.parameters()],
        }

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        stage, own, steps = self.stages.locate(int(self.step))
        frame, truth = frame_of(batch), truth_of(batch)
        for name, learned in self._learned().items():
            for values in learned:
                values.requires_grad_(name == stage)
        with step_randomness(int(self.seed) + int(self.step), self.device):
            if stage == "delta":
                parts = self._delta_losses(frame, truth)
            elif stage == "refine":
                parts = self._refine_losses(frame, truth)
            else:
                parts = self._identity_losses(frame, truth, stage)
            loss = self.total(parts)
        optimizer = cast(list[Adam], self.optimizers())[STAGES.index(stage)]
        for group in optimizer.param_groups:
            group["lr"] = getattr(self.rates, stage) * self.rates.final ** (own / steps)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.step += 1
        if int(self.step) == self.stages.settled:
            self._settle()

    @torch.no_grad()
    def render(self, batch: Batch) -> Tensor:
        frames = [frame_of(batch, row) for row in range(len(cast(Tensor, batch["audio"])))]
        return torch.stack([self._picture(self._look(frame), frame).clamp(0, 1) for frame in frames])

    @torch.no_grad()
    def depth(self, batch: Batch) -> Tensor:
        """Of enlarged pictures, of the nearest traced pixel."""
        frames = [frame_of(batch, row) for row in range(len(cast(Tensor, batch["audio"])))]
        times = self.size // self.tracer.side
        pictures = torch.stack([self.tracer.depth(self._look(frame), frame) for frame in frames])
        return pictures.repeat_interleave(times, 1).repeat_interleave(times, 2)

    def _settle(self) -> None:
        """Keep the identity's planes."""
        with torch.no_grad():
            self.planes.copy_(self._identity())

    def _identity(self) -> Tensor:
        return self.generator(self.code[None])[0]

    def _planes_of(self, frame: Frame) -> Tensor:
        """(3, channels, resolution, resolution) of a frame, with what has been learned so far."""
        if int(self.step) < self.stages.settled:
            return self._identity()
        tokens = self.tokens(frame.audio, frame.upper, frame.rotation[None], frame.translation[None])
        return self.planes + self.unet(self.planes, tokens)[0]

    def _look(self, frame: Frame) -> Traced:
        return self.tracer.trace_all(self._planes_of(frame), self.decoder, frame)

    def _picture(self, traced: Traced, frame: Frame) -> Tensor:
        """(size, size, 3) of a picture traced in full, enlarged, over the frame's background."""
        side = self.tracer.side
        if self.enlarger is None:
            return losses.over(traced, frame.background, side, side)
        features = torch.cat([traced.color, traced.opacity[:, None]], dim=1).T.view(1, -1, side, side)
        shown = enlarged(torch.cat([features[:, :3], features[:, -1:]], dim=1), self.size)
        color = shown[0, :3] + self.enlarger(features)[0]
        return color.permute(1, 2, 0) + (1 - shown[0, 3, :, :, None]) * frame.background

    def _grid(self) -> tuple[Tensor, Tensor]:
        """Rows (h, 1) and columns (w,) of the picture that a step traces."""
        first = torch.randint(self.tracing.stride, (2,)).tolist()
        rows, columns = (
            torch.arange(start, self.tracer.side, self.tracing.stride, device=self.device) for start in first
        )
        return rows[:, None], columns

    def _identity_losses(self, frame: Frame, truth: FrameTruth, stage: str) -> dict[str, Tensor]:
        """The head over a random colour against the true one, so that nothing of it can hide in the background."""
        frame, truth = self.tracer.reduced(frame, truth)
        backdrop = torch.rand(3, device=self.device)
        rows, columns = grid = self._grid()
        pixels = (rows * self.tracer.side + columns).flatten()
        traced = self.tracer.trace(self._identity(), self.decoder, frame, pixels, jittered=True)
        head = truth.head_mask[grid]
        true = torch.lerp(backdrop, truth.image[grid], head[..., None])
        parts = self._picture_losses(traced, true, backdrop, head)
        if stage == "invert":
            parts["closeness"] = self.prior.closeness * self.people.distance(self.code)
        elif self.pivot is not None:
            code = torch.lerp(self.code.detach(), self.people.draw(), self.prior.neighbour)
            some = torch.randint(self.tracer.side**2, (self.prior.rays,), device=self.device)
            far = losses.strayed(self.pivot, self.generator, self.decoder, code, self.tracer, frame, some)
            parts["locality"] = self.prior.locality * far
        return parts

    def _delta_losses(self, frame: Frame, truth: FrameTruth) -> dict[str, Tensor]:
        """The head over its true background on a grid of the picture, and around the lips in full."""
        if not self.lip_driven:
            shape = self.tokens.shape
            frame = replace(frame, audio=augment_windows(frame.audio, noise=shape.noise, shift=shape.shift))
        planes = self._planes_of(frame)
        frame, truth = self.tracer.reduced(frame, truth)
        rows, columns = grid = self._grid()
        some = (rows * self.tracer.side + columns).flatten()
        box = rays.square_lip_box(truth.landmarks, self.tracer.side, self.tracing.patch)
        lips = rays.box_pixels(box, self.tracer.side, some.device)
        both = self.tracer.trace(planes, self.decoder, frame, torch.cat([some, lips]), jittered=True)
        whole, mouth = both.split(len(some))
        parts = self._picture_losses(whole, truth.image[grid], frame.background[grid], truth.head_mask[grid])
        down, across = slice(*box[:2]), slice(*box[2:])
        true = truth.image[down, across]
        made = losses.over(mouth, frame.background[down, across], *true.shape[:2])
        return {**parts, **losses.lip_losses(made, true, self.weights, self.perceptual)}

    def _refine_losses(self, frame: Frame, truth: FrameTruth) -> dict[str, Tensor]:
        """Whole pictures in their full size; what is traced learns nothing."""
        with torch.no_grad():
            traced = self._look(frame)
        made = self._picture(traced, frame)
        return losses.picture_losses(made, truth.image, self.weights, self.perceptual, engine=self.engine)

    def _picture_losses(self, traced: Traced, true: Tensor, behind: Tensor, head: Tensor) -> dict[str, Tensor]:
        """Of pixels traced in rows over what is `behind` them against the true ones, (h, w, 3); head (h, w)."""
        made = losses.over(traced, behind, *head.shape)
        parts = losses.picture_losses(made, true, self.weights, self.perceptual, engine=self.engine)
        return {**parts, "alpha": self.weights.alpha * losses.cross_entropy(traced.opacity, head.flatten())}
