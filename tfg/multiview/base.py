"""A head seen from several sides, and what draws such heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.render import FOCAL_SHARE, REST_TRANSLATION
from tfg.clip.synthetic.shade import WITH_CAMERA, Lights
from tfg.rotations import about_necks, necks, turns
from tfg.types import Bytes, Floats

WIDEST_YAW, WIDEST_PITCH = 60.0, 20.0  # degrees
_USUAL_YAW, _USUAL_PITCH = 15.0, 8.0  # standard deviations of the half of the sides that a talking head has
_LIGHT_YAW, _LIGHT_PITCH = 25.0, 10.0  # standard deviations, degrees, by which a person's lights stand elsewhere


@dataclass(frozen=True, kw_only=True)
class Sides:
    """From where v pictures of one head are taken, and whether its face rests."""

    yaw: NDArray[np.float64]  # (v,) degrees, as `rotations.turns`
    pitch: NDArray[np.float64]  # (v,)
    resting: bool = False  # every picture has mouth closed, eyes open, gaze ahead; else each a face of its own

    @property
    def cameras(self) -> tuple[Floats, Floats]:
        """(v, 3, 3) and (v, 3) camera from head; the neck stays where it is in the embedded clip."""
        neck = necks(np.eye(3, dtype=np.float32)[None], np.array([REST_TRANSLATION], np.float32))[0]
        return about_necks(turns(self.yaw, self.pitch), neck)


@dataclass(frozen=True, kw_only=True)
class HeadViews:
    """One person in v square pictures."""

    pictures: Bytes  # (v, size, size, 4) RGB, and 255 where the head (face, ears, hair) covers most of a pixel, else 0
    rotation: Floats  # (v, 3, 3) camera from head
    translation: Floats  # (v, 3)
    focal: float  # pixels
    states: Floats  # (v, states) what the face does, in the numbers of its source; 0 at rest


class HeadSource(Protocol):
    """Draws people by number; the same picture for the same number and sides."""

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def num_states(self) -> int: ...

    def record(self, number: int) -> dict[str, Any]:
        """What a prior's file says of a person: `name`, `clips`, and `identity_seed` of one of the embedded generator."""
        ...

    def draw(self, number: int, sides: Sides, size: int) -> HeadViews: ...


def drawn_sides(rng: np.random.Generator, count: int) -> Sides:
    """Half as a talking head is usually seen, half anywhere up to the widest yaw and pitch."""
    usual = rng.random(count) < 0.5
    yaw = np.where(usual, _USUAL_YAW * rng.standard_normal(count), rng.uniform(-WIDEST_YAW, WIDEST_YAW, count))
    pitch = np.where(usual, _USUAL_PITCH * rng.standard_normal(count), rng.uniform(-WIDEST_PITCH, WIDEST_PITCH, count))
    return Sides(yaw=np.clip(yaw, -WIDEST_YAW, WIDEST_YAW), pitch=np.clip(pitch, -WIDEST_PITCH, WIDEST_PITCH))


def drawn_lights(rng: np.random.Generator) -> Lights:
    """Of one person, who is always in the same light: the embedded clip's lights, moved about the head at random."""
    yaw, pitch = _LIGHT_YAW * rng.standard_normal(), _LIGHT_PITCH * rng.standard_normal()
    return WITH_CAMERA.turned(turns(np.array([yaw]), np.array([pitch]))[0])


def focal_of(size: int) -> float:
    return FOCAL_SHARE * size


def with_mask(image: Bytes, head: NDArray[np.bool_]) -> Bytes:
    """(size, size, 3) and (size, size) -> (size, size, 4)."""
    return np.concatenate([image, np.where(head, np.uint8(255), np.uint8(0))[..., None]], axis=-1)
