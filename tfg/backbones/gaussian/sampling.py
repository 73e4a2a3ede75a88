"""Which frames InsTaG is shown: some steps take one by how far its mouth is open or its eyes are shut (TalkingGaussian's windows).

Without it every frame comes once a round, so that what is rare in five seconds, a blink or a wide mouth, is rarely learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.backbones.gaussian.stages import StageSteps
from tfg.landmarks import mouth_opening
from tfg.types import UPPER_FACE, Floats, InputError, Portrait

LIDS = [UPPER_FACE.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]


@dataclass(frozen=True, kw_only=True)
class FrameSampling:
    """What the windows are. Mouth opening is a share of the way from the segment's least to its largest, blink of its largest."""

    guided: bool  # false: every step takes the next frame of a shuffled round
    face_every: int  # steps between those of the face stage that take a frame by its mouth (warm-up), then by its blink
    mouth_window: float  # of openings, a share of their range: the window is 0.8 of it to either side
    blink_window: float  # of blinks above the moving place; half of it below
    mouth_warm_up: int  # first steps of the mouth stage, all with a wide open mouth
    mouth_open: float  # quantile of openings above which a mouth is wide open
    mouth_every: int  # steps between those of the mouth stage, after its warm-up, that take a frame by its opening

    def __post_init__(self) -> None:
        for name in ("face_every", "mouth_every"):
            if getattr(self, name) < 1:
                raise InputError(f"backbone.sampling.{name} is {getattr(self, name)}; it must be 1 or more")
        if self.mouth_warm_up < 0:
            raise InputError(f"backbone.sampling.mouth_warm_up is {self.mouth_warm_up}; it must not be negative")
        if not 0 <= self.mouth_open < 1:
            raise InputError(f"backbone.sampling.mouth_open is {self.mouth_open}; it must be in [0, 1)")
        for name in ("mouth_window", "blink_window"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"backbone.sampling.{name} is {getattr(self, name)}; it must be in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class GuidedFrames:
    """Of a portrait: the rows that a step may take. It depends on the step alone, so that a resumed run takes the same."""

    sampling: FrameSampling
    stages: StageSteps
    opening: Floats  # (n,) in [0, 1]
    blink: Floats  # (n,) in [0, 1]

    @classmethod
    def of(cls, portrait: Portrait, sampling: FrameSampling, stages: StageSteps) -> GuidedFrames:
        opening = mouth_opening(portrait.landmarks, "eyes")
        blink = portrait.upper[:, LIDS].mean(axis=1)
        return cls(
            sampling=sampling,
            stages=stages,
            opening=((opening - opening.min()) / max(float(np.ptp(opening)), 1e-6)).astype(np.float32),
            blink=(blink / max(float(blink.max()), 1e-6)).astype(np.float32),
        )

    def __call__(self, step: int) -> NDArray[np.int64] | None:
        """Rows to draw the step's frame from; None: the next of the round, also where no frame is in the window."""
        stage, own = self.stages.locate(step)
        inside = None
        if stage == "face" and own % self.sampling.face_every == 0:
            inside = self._open(own) if own < self.stages.warm_up else self._shut(own)
        elif stage == "mouth":
            inside = self._wide(own)
        return None if inside is None or not inside.any() else np.flatnonzero(inside)

    def _open(self, step: int) -> NDArray[np.bool_]:
        """Around a place that rises from a fifth of the range as fast as it would reach all of it at the face stage's end."""
        window = 0.8 * self.sampling.mouth_window
        place = 0.2 + 0.8 * step / self.stages.face
        return (self.opening >= place - window) & (self.opening <= place + window)

    def _shut(self, step: int) -> NDArray[np.bool_]:
        """Around a place that moves from open to shut eyes."""
        window, place = self.sampling.blink_window, step / self.stages.face
        return (self.blink >= place - window / 2) & (self.blink <= place + window)

    def _wide(self, step: int) -> NDArray[np.bool_] | None:
        """Wide open mouths, then from the widest down as far as the mouth stage has come."""
        if step < self.sampling.mouth_warm_up:
            return self.opening >= np.quantile(self.opening, self.sampling.mouth_open)
        if step % self.sampling.mouth_every:
            return None
        return self.opening >= 1 - step / self.stages.mouth
