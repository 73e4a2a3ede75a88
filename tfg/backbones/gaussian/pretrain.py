"""InsTaG's pre-training: motion fields that several people share, learned beside each person's own (Li et al. 2025).

First all faces, then all mouths. What a file gets are the running averages of the shared fields.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tfg.backbones.base import Learner
from tfg.backbones.frame import Frame, FrameTruth, frame_of, truth_of
from tfg.backbones.gaussian.branch import Branch, Optimizers, field_groups, motion_optimizer, place, set_rates
from tfg.backbones.gaussian.instag import Instag
from tfg.backbones.gaussian.losses import face_loss, motion_size, mouth_loss
from tfg.backbones.gaussian.motion import FaceField, GaussianMotion, MouthField, mouth_hook
from tfg.backbones.gaussian.personal import Person, contrast
from tfg.backbones.gaussian.regions import polygon_mask
from tfg.backbones.gaussian.settings import Pretraining
from tfg.backbones.gaussian.universal import tensors_of
from tfg.backbones.layers import augment_windows
from tfg.backbones.randomness import step_randomness
from tfg.engines.gaussian import Raster
from tfg.landmarks import INNER_LIPS
from tfg.types import Batch, Portrait, UniversalMotion


class UniversalTraining(Learner):
    """`head` has the settings, and its fields are the shared ones; steps count for each person, of whom every one has a step a round.

    Differs from the paper: people take turns in shuffled rounds instead of being drawn anew at each step, so that all have the same
    number of steps; the losses are those of a head here.
    """

    seed: Tensor  # () int64; with `step` it fixes every random draw of a step

    def __init__(self, head: Instag, rules: Pretraining, focals: Sequence[float]) -> None:
        super().__init__()
        face, mouth = head.face.field, head.mouth.field
        assert isinstance(face, FaceField)
        assert isinstance(mouth, MouthField)
        self.rules, self.size, self.engine, self.sh_degree = rules, head.size, head.engine, head.sh_degree
        self.cloud, self.stages, self.rates, self.weights = head.cloud, head.stages, head.rates, head.weights
        self.adaptation = head.adaptation
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.face, self.mouth = face, mouth
        self.averages = nn.ModuleDict(copy.deepcopy({"face": face, "mouth": mouth})).requires_grad_(False)
        self.people = nn.ModuleList(Person(head, focal) for focal in focals)

    @property
    def num_steps(self) -> int:
        return len(self.people) * (self.rules.face + self.rules.mouth)

    @property
    def stage_name(self) -> str:
        return "faces" if self._round < self.rules.face else "mouths"

    @property
    def result(self) -> UniversalMotion:
        fields = {"face": self.averages["face"], "mouth": self.averages["mouth"]}
        return UniversalMotion(shape=self.face.shape.shared, tensors=tensors_of(fields))  # type: ignore[arg-type]

    def prepare(self, portraits: list[Portrait]) -> None:
        self.seed.copy_(torch.randint(2**40, ()))
        for number, portrait in enumerate(portraits):
            person = self._person(number)
            place(person.face, person.mouth, portrait, self.cloud)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for number in range(len(self.people)):
            self._person(number).make_room(checkpoint["state_dict"], f"people.{number}")

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """The shared face's, the shared mouth's, then of each person those of the face's Gaussians and own field, and the mouth's."""
        made = [motion_optimizer(field_groups(field, self.rates)) for field in (self.face, self.mouth)]
        for number in range(len(self.people)):
            for own in self._person(number).optimizers():
                made += [own.gaussians, own.motion]
        return made

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        number, own_step = int(batch["person"][0]), self._round  # type: ignore[index]
        person, frame, truth = self._person(number), frame_of(batch), truth_of(batch)
        with step_randomness(int(self.seed) + int(self.step), self.device):
            shape = self.face.shape
            frame = replace(frame, audio=augment_windows(frame.audio, noise=shape.noise, shift=shape.shift))
            self.face.eye_line.copy_(person.face.field.eye_line)
            self.face.nose_base.copy_(person.face.field.nose_base)
            if own_step < self.rules.face:
                self._train_face(number, frame, truth, own_step)
            else:
                self._train_mouth(number, frame, truth, own_step - self.rules.face)
        self.step += 1

    def _train_face(self, number: int, frame: Frame, truth: FrameTruth, step: int) -> None:
        branch = self._person(number).face
        backdrop = torch.rand(3, device=self.device)
        moving = step >= self.rules.face_warm_up
        motion, own = self._face_motion(number, frame) if moving else (None, None)
        raster = branch.draw(frame, motion, backdrop, self._degree(step))
        loss = face_loss(raster, backdrop, truth, self.weights, self.engine)
        if motion is not None:
            loss = loss + self.weights.motion * motion_size(motion)
        if own is not None:
            others = self._others(number, self.rules.face_others)
            loss = loss + self._apart(own, branch, [other.face for other in others], frame.audio, frame.upper)
        self._descend(branch, number, 0, loss, raster, step, self.rules.face, moving)

    def _train_mouth(self, number: int, frame: Frame, truth: FrameTruth, step: int) -> None:
        """A frame that hardly shows the inside of the mouth teaches nothing and is passed over."""
        branch = self._person(number).mouth
        inside = polygon_mask(truth.landmarks[INNER_LIPS], self.size)
        if float(inside.sum()) < self.stages.min_mouth_pixels * (self.size / 512) ** 2:
            return
        moving = step >= self.rules.mouth_warm_up
        motion, own = self._mouth_motion(number, frame) if moving else (None, None)
        backdrop = torch.rand(3, device=self.device)
        raster = branch.draw(frame, motion, backdrop, self._degree(step))
        loss = mouth_loss(raster, backdrop, inside, truth, self.weights, self.engine)
        if motion is not None:
            loss = loss + self.weights.motion * motion_size(motion)
        if own is not None:
            others = self._others(number, self.rules.mouth_others)
            loss = loss + self._apart(own, branch, [other.mouth for other in others], frame.audio)
        self._descend(branch, number, 1, loss, raster, step, self.rules.mouth, moving)

    def _face_motion(self, number: int, frame: Frame) -> tuple[GaussianMotion, GaussianMotion | None]:
        """Of a person's face altogether, and the person's own part of it."""
        branch = self._person(number).face
        own = branch.field(branch.gaussians.means, frame.audio, frame.upper) if self.rules.personal else None
        return branch.move(self.face, frame.audio, frame.upper, aligned=True, own=own), own

    def _mouth_motion(self, number: int, frame: Frame) -> tuple[GaussianMotion, GaussianMotion | None]:
        branch = self._person(number).mouth
        low, high = self.stages.hook_ranks
        with torch.no_grad():
            hook = mouth_hook(self._face_motion(number, frame)[0], int(torch.randint(low, high + 1, ())))
        own = branch.field(branch.gaussians.means, frame.audio) if self.rules.personal else None
        return branch.move(self.mouth, frame.audio, hook, aligned=True, own=own), own

    def _apart(
        self, own: GaussianMotion, branch: Branch[Any], others: list[Branch[Any]], *conditions: Tensor
    ) -> Tensor:
        """The size of a person's own motion and what it has in common with others', evaluated at the same points and conditions."""
        loss = self.weights.motion * motion_size(own)
        if self.rules.contrast == 0:
            return loss
        with torch.no_grad():
            theirs = [other.field(branch.gaussians.means, *conditions).means for other in others]
        return loss + self.rules.contrast * contrast(own.means, theirs)

    def _others(self, number: int, count: int) -> list[Person]:
        """At most so many others, drawn at random."""
        drawn = torch.randperm(len(self.people) - 1)[:count].tolist()
        return [self._person(other + (other >= number)) for other in drawn]

    def _descend(
        self,
        branch: Branch[Any],
        number: int,
        part: int,
        loss: Tensor,
        raster: Raster,
        step: int,
        steps: int,
        moving: bool,
    ) -> None:
        every: list[Any] = self.optimizers(use_pl_optimizer=False)  # type: ignore[assignment]
        shared, own = every[part], Optimizers(*every[2 + 4 * number + 2 * part :][:2])
        for optimizer in (shared, own.gaussians, own.motion):
            optimizer.zero_grad()
        raster.means2d.retain_grad()
        self.manual_backward(loss)
        rates = self.rates.of_motion(step / steps)
        personal = {name: self.rules.personal_rate * rate for name, rate in rates.items()}
        personal |= self.adaptation.of_aligner(rates)
        branch.step(own, raster, step, self.rates.of_gaussians(step / steps), personal if moving else None)
        if moving:
            set_rates(shared, rates)
            shared.step()
            self._average(part)
        self.note(loss=loss.detach())

    @torch.no_grad()
    def _average(self, part: int) -> None:
        field, average = ((self.face, self.averages["face"]), (self.mouth, self.averages["mouth"]))[part]
        for kept, new in zip(average.parameters(), field.parameters(), strict=True):
            kept.lerp_(new, 1 - self.rules.average)

    @property
    def _round(self) -> int:
        return int(self.step) // len(self.people)

    def _degree(self, step: int) -> int:
        return self.sh_degree if step >= self.stages.harmonics_from else 0

    def _person(self, number: int) -> Person:
        person = self.people[number]
        assert isinstance(person, Person)
        return person
