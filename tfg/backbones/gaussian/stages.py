"""How many steps each stage of a Gaussian head's training has, and what changes within one. No torch: see `settings.py`."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class StageSteps:
    """Steps of each stage; one frame a step."""

    warm_up: int  # of the face's steps, static
    face: int  # warm-up included
    mouth: int
    fuse: int
    coarse: float  # share of the face and of the fuse stage, from their start, that learns from halved pictures
    coarse_size: int  # pixels that these have at least
    perceptual_from: float  # share of the fuse stage after which the perceptual loss counts, on whole pictures alone
    harmonics_from: int  # step of a branch from which the colour depends on the view
    min_mouth_pixels: float  # of a 512 x 512 picture; frames that show less of the mouth's inside are passed over
    hook_ranks: tuple[int, int]  # of the face-mouth hook: drawn in this range in training, the first in rendering

    def __post_init__(self) -> None:
        object.__setattr__(self, "hook_ranks", tuple(self.hook_ranks))
        if len(self.hook_ranks) != 2 or not 1 <= self.hook_ranks[0] <= self.hook_ranks[1]:
            raise InputError(
                f"backbone.stages.hook_ranks is {list(self.hook_ranks)}; it must be two ranks, the first at least 1 and not the larger"
            )
        for name in ("face", "mouth", "fuse"):
            if getattr(self, name) <= 0:
                raise InputError(f"backbone.stages.{name} is {getattr(self, name)}; it must be positive")
        for name in ("coarse", "perceptual_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"backbone.stages.{name} is {getattr(self, name)}; it must be in [0, 1]")
        if self.coarse_size <= 0:
            raise InputError(f"backbone.stages.coarse_size is {self.coarse_size}; it must be positive")
        if not 0 <= self.warm_up <= self.face:
            raise InputError(f"backbone.stages.warm_up is {self.warm_up}; it must be within stages.face = {self.face}")

    @property
    def total(self) -> int:
        return self.face + self.mouth + self.fuse

    def progress(self, step: int, alone: int) -> float:
        """In [0, 1]: step of a branch that trains `alone` steps by itself and then `fuse` steps with the other."""
        return step / (alone + self.fuse)

    def halvings(self, step: int, size: int) -> int:
        """How often the pictures, `size` pixels wide, are halved in a step: most where a stage begins, never in the mouth stage."""
        stage, own = self.locate(step)
        coarse, most = self.coarse * {"face": self.face, "mouth": 0, "fuse": self.fuse}[stage], 0
        while size % 2 == 0 and size // 2 >= self.coarse_size:
            size, most = size // 2, most + 1
        return max(math.ceil(most * (1 - own / coarse)), 0) if coarse else 0

    def stretches(self, size: int, *, perceptual: bool) -> list[tuple[str, int, int]]:
        """Stage, first step and number of the steps that follow each other and do the same, for pictures of `size` pixels."""

        def work(step: int) -> tuple[str, int, bool]:
            (stage, own), halvings = self.locate(step), self.halvings(step, size)
            static = stage == "face" and own < self.warm_up
            judged = stage == "fuse" and perceptual and not halvings and own >= self.perceptual_from * self.fuse
            return stage, halvings, static or judged

        runs = [list(steps) for _, steps in itertools.groupby(range(self.total), work)]
        return [(self.locate(run[0])[0], run[0], len(run)) for run in runs]

    def locate(self, step: int) -> tuple[str, int]:
        """Stage that a step belongs to ("face", "mouth" or "fuse") and the step counted from its beginning."""
        if step < self.face:
            return "face", step
        if step < self.face + self.mouth:
            return "mouth", step - self.face
        return "fuse", step - self.face - self.mouth
