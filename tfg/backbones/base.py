"""What `tfg/training.py` trains, and what a backbone is: one that learns a person from a Portrait and renders frames of them."""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from tfg.types import Batch, Portrait, UniversalMotion

if TYPE_CHECKING:
    from tfg.backbones.triplane.prior import TriplanePrior

Wanted = Callable[
    [int], NDArray[np.int64] | None
]  # step -> rows to draw its frame from; None: the next of a shuffled round
# Distances (n,) of two batches of pictures (n, 3, height, width) in [-1, 1], differentiable in the first. As a module it has no
# parameters and no persistent buffers, so that it moves with a backbone and is no part of its state.
Perceptual = Callable[[Tensor, Tensor], Tensor]


class Learner(pl.LightningModule, ABC):
    """Abstract. It optimises by hand, counts its own steps in `step`, and has a number of steps.

    Everything that a resumed training needs to continue bit for bit on CPU lies in the checkpoint: parameters, optimisers, density
    state, occupancy, `step`; RNG states are added by `tfg/training.py`. A learner whose parameter count changes (Gaussians) resizes
    itself in `on_load_checkpoint`.
    """

    step: Tensor  # () int64 buffer: training steps done

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.noted: dict[str, Tensor | float] = {}  # of the last step, for curve, progress and trackers

    def note(self, **values: Tensor | float) -> None:
        """Numbers of this step, `loss` and its parts. In the place of Lightning's `log`, which costs a millisecond a step."""
        self.noted = values

    def total(self, parts: dict[str, Tensor]) -> Tensor:
        """() the sum of a loss's parts, from the first on; it and they are noted."""
        loss = functools.reduce(operator.add, parts.values())
        self.note(loss=loss.detach(), **{name: part.detach() for name, part in parts.items()})
        return loss

    @property
    @abstractmethod
    def num_steps(self) -> int:
        """Calls of `training_step` that make a whole training."""

    @property
    @abstractmethod
    def stage_name(self) -> str:
        """The part of the training that the next step belongs to; losses of two parts are not comparable."""

    @abstractmethod
    def prepare(self, shown: Any) -> None:
        """Initialise what depends on the data (Gaussians, occupancy, region boxes)."""

    @abstractmethod
    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One optimisation step on one frame; notes `loss` and its parts; advances `step` by one."""


class Backbone(Learner, ABC):
    """Abstract.

    The `settings.py` of its room holds its groups of keys and `check_head`, and needs no torch.

    Life of a run: construct from config (-> `adopt(learned)`) -> `prepare(portrait)` -> fit (`num_steps` calls of `training_step`)
    -> `render`. On resume or load the checkpoint is read without `prepare`.
    """

    def __init__(self, *, size: int, focal: float, audio_channels: int, lip_driven: bool = False) -> None:
        super().__init__()
        self.size = size  # pixels of the square pictures
        self.focal = focal  # pixels, principal point at the middle
        self.audio_channels = audio_channels
        self.lip_driven = lip_driven  # `audio` of portraits and batches is lip motion, LIP_CHANNELS wide

    @abstractmethod
    def adopt(self, learned: UniversalMotion | TriplanePrior) -> None:
        """Start from other people's motion or heads, after construction and before a checkpoint is read.

        InputError where it is not for this backbone or does not fit.
        """

    @abstractmethod
    def prepare(self, portrait: Portrait) -> None:
        """Initialise what depends on the training portrait. No held-out frame is in it."""

    def wanted(self, portrait: Portrait) -> Wanted | None:
        """Which frames its steps take, by the step alone; None: every step the next of a shuffled round."""
        return None

    @abstractmethod
    def rehearse(self, portrait: Portrait) -> Iterator[tuple[int, int]]:
        """Prepare on a portrait for steps that are only timed: the first step of each stretch, and how many steps cost as much.

        Where a head grows, it has in each stretch about the size that it will have then; optimisers are made anew for each.
        """

    @abstractmethod
    def render(self, batch: Batch) -> Tensor:
        """(b, size, size, 3) in [0, 1] without gradients, head composited on `background`. Uses no truth of the frame."""

    @abstractmethod
    def depth(self, batch: Batch) -> Tensor:
        """(b, size, size) head units along the camera's axis to what `render` shows of the head, mean over what a pixel's ray meets.

        NaN where the head covers less than half of the pixel's light. Uses no truth of the frame.
        """
