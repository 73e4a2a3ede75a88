"""A person under new speech: head and torso along one path, brows along another, blinks at times of their own; all by one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tfg.performance import blinks, channels
from tfg.performance.walk import Ground, Walk, cuts_of, walk
from tfg.record.identity import seed_for
from tfg.types import UPPER_FACE, Floats, Portrait


@dataclass(frozen=True, kw_only=True)
class Performance:
    """How n new frames look, made when they are asked for: pictures of minutes do not fit into memory."""

    portrait: Portrait  # the training part
    audio: Floats  # (n, channels) of the new speech
    head: Walk  # poses and backgrounds
    upper: Floats  # (n, 7)
    can_blink: bool  # whether the training part shows a whole blink

    def rows(self, start: int, stop: int) -> Portrait:
        """Frames [start, stop); images, masks and landmarks are the nearest training row's, of no truth."""
        path = self.head.rows(start, stop)
        portrait = self.portrait.take(path.nearer())
        cameras = self.portrait.cameras
        return replace(
            portrait,
            frames=np.arange(start, stop),
            background=path.of(channels.pictures(self.portrait.background)),
            audio=self.audio[start:stop],
            upper=self.upper[start:stop],
            cameras=replace(
                cameras,
                rotation=path.of(channels.rotations(cameras.rotation)),
                translation=path.of(channels.positions(cameras.translation)),
            ),
        )


def perform(portrait: Portrait, audio: Floats, seed: int) -> Performance:
    """What the person of a training portrait does while saying something else, (n, channels) features."""

    def stream(name: str) -> np.random.Generator:
        return np.random.default_rng(seed_for(name, seed))

    num_frames, cameras = len(audio), portrait.cameras
    cuts = cuts_of(portrait.images)
    head = Ground(
        channels=(
            channels.rotations(cameras.rotation),
            channels.positions(cameras.translation),
            channels.pictures(portrait.background),
        ),
        cuts=cuts,
    )
    own = blinks.take_apart(portrait.upper[:, blinks.EYES], cuts)
    placed = blinks.place(own, num_frames, stream("blinks"))
    opened, brows = portrait.upper.copy(), [i for i in range(len(UPPER_FACE)) if i not in blinks.EYES]
    opened[:, blinks.EYES] = own.eyes
    face = Ground(channels=(channels.curves(opened[:, brows]), channels.curves(own.eyes)), cuts=cuts)
    upper = walk(face, num_frames, stream("upper face")).of(channels.curves(opened))
    upper[:, blinks.EYES] = blinks.close(upper[:, blinks.EYES], own, placed)
    return Performance(
        portrait=portrait,
        audio=audio,
        head=walk(head, num_frames, stream("head motion")),
        upper=upper,
        can_blink=bool(own.shapes),
    )
