"""What is one person's own in a pre-training: Gaussians, motion fields beside the shared ones, aligners on the same grids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tfg.backbones.gaussian.branch import Branch, Optimizers
from tfg.backbones.gaussian.instag import Instag
from tfg.backbones.gaussian.motion import FaceField, Field, GaussianMotion
from tfg.backbones.gaussian.settings import MotionShape
from tfg.backbones.layers import MLP


class OwnMouthField(Field):
    """Speech moves the inside of the mouth as the shared field does not; the face's motion is no input of it (InsTaG)."""

    def __init__(self, shape: MotionShape, audio_channels: int, engine: str) -> None:
        super().__init__(shape, audio_channels, engine)
        hidden = shape.mouth_hidden
        self.network = MLP(3 * shape.levels + shape.code, hidden, hidden, 3, engine=engine)
        self.register_buffer("reach", torch.tensor([0.2, 1.0, 0.2]) * shape.reach, persistent=False)

    def forward(self, points: Tensor, windows: Tensor) -> GaussianMotion:
        """points (n, 3), windows (1, 8, channels) -> motion of n Gaussians."""
        place = self.encode_position(points)
        code = self.encode_audio(windows).expand(len(points), -1)
        return GaussianMotion(self.network(torch.cat([place, code], dim=1)) * self.reach)


class Person(nn.Module):
    """Face and mouth of one person; the fields of the branches are the person's own, and so is the focal length."""

    def __init__(self, head: Instag, focal: float) -> None:
        super().__init__()
        shape, channels, engine = head.face.field.shape, head.audio_channels, head.engine
        made = (head.sh_degree, head.size, focal, engine)
        self.face = Branch(FaceField(shape, channels, engine), head.face.rules, *made)
        self.mouth = Branch(OwnMouthField(shape, channels, engine), head.mouth.rules, *made)
        self.rates = replace(head.rates, grid_decay=0.0, network_decay=0.0, audio_decay=0.0)  # one Adam in InsTaG
        if head.adaptation.aligner:
            self.face.align(shape.face_hidden, scaled=True)
            self.mouth.align(shape.mouth_hidden, scaled=False)
            for branch in (self.face, self.mouth):
                assert branch.aligner is not None
                branch.aligner.tables = branch.field.tables

    def optimizers(self) -> list[Optimizers]:
        """Of face and mouth."""
        return [self.face.optimizers(self.rates), self.mouth.optimizers(self.rates)]

    def make_room(self, state: dict[str, Any], prefix: str) -> None:
        self.face.make_room(state, f"{prefix}.face")
        self.mouth.make_room(state, f"{prefix}.mouth")


def contrast(own: Tensor, others: list[Tensor]) -> Tensor:
    """() InsTaG's negative contrast: what a person's own shifts (n, 3) share with others' at the same points, summed over others.

    The mean over points of the dot product where it is positive. What is common to people belongs into the shared field; others learn
    nothing from it.
    """
    shared = [torch.relu((own * other.detach()).sum(dim=1)).mean() for other in others]
    return torch.stack(shared).sum() if shared else own.new_zeros(())
