"""A person under new speech: head and torso along one path, brows along another, blinks at times of their own; all by one seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np

from tfg.performance import blinks, channels
from tfg.performance.orbit import Orbit
from tfg.performance.walk import Ground, Walk, cuts_of, endless, joined, walk
from tfg.record.identity import seed_for
from tfg.types import UPPER_FACE, Bytes, Cameras, Floats, Portrait


class Behind(Protocol):
    """What stands behind the head, at any pose."""

    def pictures(self, cameras: Cameras) -> Bytes:
        """(n, size, size, 3)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Performance:
    """How n new frames look, made when they are asked for: pictures of minutes do not fit into memory."""

    portrait: Portrait  # the training part
    audio: Floats  # (n, channels) of the new speech
    head: Walk  # poses and backgrounds
    upper: Floats  # (n, 7)
    can_blink: bool  # whether the training part shows a whole blink
    behind: Behind | None = (
        None  # in place of the training rows' own backgrounds, which follow the path as the poses do
    )
    orbit: Orbit | None = None  # how the head turns on top of the path, which torso and background do not follow

    def rows(self, start: int, stop: int) -> Portrait:
        """Frames [start, stop); images, masks and landmarks are the nearest training row's, of no truth."""
        path = self.head.rows(start, stop)
        portrait = self.portrait.take(path.nearer())
        cameras = replace(
            self.portrait.cameras,
            rotation=path.of(channels.rotations(self.portrait.cameras.rotation)),
            translation=path.of(channels.positions(self.portrait.cameras.translation)),
        )
        own = channels.pictures(self.portrait.background)
        return replace(
            portrait,
            frames=np.arange(start, stop),
            background=path.of(own) if self.behind is None else self.behind.pictures(cameras),
            audio=self.audio[start:stop],
            upper=self.upper[start:stop],
            cameras=cameras if self.orbit is None else self.orbit.turned(cameras, start, len(self.audio)),
        )


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What a portrait's training rows allow: where head and face may walk, and the person's blinks."""

    head: Ground
    face: Ground
    opened: Floats  # (n, 7) upper face of the training rows without blinks
    own: blinks.Blinks


def grounds(portrait: Portrait) -> Grounds:
    """Of a training portrait."""
    cameras = portrait.cameras
    cuts = cuts_of(portrait.images, portrait.frames)
    own = blinks.take_apart(portrait.upper[:, blinks.EYES], cuts)
    opened, brows = portrait.upper.copy(), [i for i in range(len(UPPER_FACE)) if i not in blinks.EYES]
    opened[:, blinks.EYES] = own.eyes
    return Grounds(
        head=Ground(
            channels=(
                channels.rotations(cameras.rotation),
                channels.positions(cameras.translation),
                channels.pictures(portrait.background),
            ),
            cuts=cuts,
        ),
        face=Ground(channels=(channels.curves(opened[:, brows]), channels.curves(own.eyes)), cuts=cuts),
        opened=opened,
        own=own,
    )


def perform(portrait: Portrait, audio: Floats, seed: int) -> Performance:
    """What the person of a training portrait does while saying something else, (n, channels) features."""
    num_frames, rows = len(audio), grounds(portrait)
    placed = blinks.place(rows.own, num_frames, _drawn("blinks", seed))
    return Performance(
        portrait=portrait,
        audio=audio,
        head=walk(rows.head, num_frames, _drawn("head motion", seed)),
        upper=_upper(rows, walk(rows.face, num_frames, _drawn("upper face", seed)), placed),
        can_blink=bool(rows.own.shapes),
    )


def stretches(portrait: Portrait, seed: int, num_frames: int) -> Iterator[Performance]:
    """A performance without end, in stretches of `num_frames` frames that join without a jump; its `audio` has no channels.

    Walks go on from one stretch to the next, and blinks lie whole within one.
    """
    rows, random = grounds(portrait), _drawn("blinks", seed)
    head, face = endless(rows.head, _drawn("head motion", seed)), endless(rows.face, _drawn("upper face", seed))
    while True:
        placed = blinks.place(rows.own, num_frames, random)
        yield Performance(
            portrait=portrait,
            audio=np.zeros((num_frames, 0), np.float32),
            head=joined(list(islice(head, num_frames))),
            upper=_upper(rows, joined(list(islice(face, num_frames))), placed),
            can_blink=bool(rows.own.shapes),
        )


def _upper(rows: Grounds, path: Walk, placed: Sequence[blinks.Placed]) -> Floats:
    """(n, 7): the upper face along a path, with blinks."""
    upper = path.of(channels.curves(rows.opened))
    upper[:, blinks.EYES] = blinks.close(upper[:, blinks.EYES], rows.own, placed)
    return np.asarray(upper)


def _drawn(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng(seed_for(name, seed))
