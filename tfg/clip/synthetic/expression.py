"""How the embedded clip's face deforms: displacement fields of jaw, lips, lids and brows over the head grid.

Everything is linear: position = closed face + sum of coefficients times fields. Millimetres, as in `shape`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import bell, exp, power, sin, snapped, soft_maximum
from tfg.clip.synthetic.landmarks import landmark_vertices
from tfg.clip.synthetic.person import Person
from tfg.clip.synthetic.shape import (
    EYE_HALF_WIDTH,
    EYE_X,
    EYE_Y,
    EYEBALL_RADIUS,
    MOUTH_HALF_WIDTH,
    MOUTH_Y,
    Array,
    HeadGrid,
    eyeball_centre,
    lip_heights,
)
from tfg.types import Floats

JAW_DROP = 12.0  # mm at the incisors for jaw = 1
LIP_GAP = 19.0  # mm between the inner lips for opening = 1
OPEN_EYES = slice(11, 13)  # the fields that open the eyes
_HINGE_Y, _HINGE_F = 12.0, -70.0  # the jaw joint
_UPPER_LID, _LOWER_LID = 8.3, 1.4  # mm that the lids move from closed to open
_LID_REACH = 15.0  # mm of skin above the lid that moves with it
_LN2 = 0.6931471805599453


@dataclass(frozen=True, kw_only=True)
class FaceModel:
    """Closed face, fields, and where the landmarks sit."""

    closed: Array  # (vertices, 3)
    fields: Array  # (13, vertices, 3)
    landmarks: NDArray[np.int64]  # (68,) vertices, iBUG order


def make_face_model(grid: HeadGrid, person: Person) -> FaceModel:
    """Fields in the order that `coefficients` gives their weights."""
    closed = snapped(_closed(grid, person))
    upper_lip = np.arange(len(grid.level)) <= grid.mouth_row
    above = np.broadcast_to(upper_lip[:, None], closed.shape[:2])
    fields = [
        *_mouth_fields(grid, closed, above),
        *_brow_fields(closed),
        *(_lid_field(grid, closed, s, person) for s in (1, -1)),
    ]
    return FaceModel(
        closed=closed.reshape(-1, 3),
        fields=snapped(np.stack([field.reshape(-1, 3) for field in fields])),
        landmarks=landmark_vertices(grid, closed, person),
    )


def coefficients(mouth: Floats, upper: Floats) -> Array:
    """(n, 7) mouth parameters and (n, 7) UPPER_FACE -> (n, 13) weights of the fields."""
    opening, jaw, width, rounding, press, tuck, _ = mouth.T.astype(np.float64)
    brow_down_left, brow_down_right, brow_inner, brow_left, brow_right, blink_left, blink_right = upper.T.astype(
        np.float64
    )
    part = (LIP_GAP * opening - JAW_DROP * jaw) / LIP_GAP  # the lips add what the jaw does not open, or close over it
    weights = (jaw, part, width, rounding, press, tuck)
    brows = (brow_down_left, brow_down_right, brow_inner, brow_left, brow_right)
    return np.stack([*weights, *brows, 1 - blink_left, 1 - blink_right], axis=1)


def _closed(grid: HeadGrid, person: Person) -> Array:
    """The grid with lips and lids modelled on it."""
    position = grid.position.copy()
    x, y, f = np.moveaxis(position, -1, 0)
    upper, lower = lip_heights(x, person)
    below = y - MOUTH_Y
    for height, distance, bulge in ((upper, -below, 1.8), (lower, below, 2.6)):
        share = np.clip(distance / np.maximum(height, 0.5), 0, 1.0)
        f += bulge * sin(np.pi * share) * np.clip(height / 6, 0, 1)
    mouth = np.clip(1 - (x / (MOUTH_HALF_WIDTH + 3)) ** 2, 0, 1)
    f -= 3.0 * bell(below, 0, 1.6) * np.sqrt(mouth) * (f > 0)
    y += 1.2 * bell(below, 0, 9) * np.clip((np.abs(x) / MOUTH_HALF_WIDTH) ** 2, 0, 1) * bell((x / 45) ** 2, 0, 1)
    for side in (-1, 1):  # outer eye corners sit higher than the inner ones
        across = (side * x - EYE_X) / EYE_HALF_WIDTH
        near = bell((across / 1.7) ** 2, 0, 1) * bell(y, EYE_Y, 16)
        y -= near * (1.3 * across + 0.6)
    for side in (-1, 1):
        centre = eyeball_centre(side)
        f[...] = _over_eyeball(x, y, f, centre)
    return position


def _over_eyeball(x: Array, y: Array, f: Array, centre: Array) -> Array:
    """f lifted smoothly to the lid that lies on the eyeball."""
    radius = EYEBALL_RADIUS + 1.1
    room = radius * radius - (x - centre[0]) ** 2 - (y - centre[1]) ** 2
    lid = centre[2] + np.sqrt(np.maximum(room, 0.0))
    softness = 0.8
    lifted = soft_maximum(f / softness, lid / softness) * softness
    return np.where((room > 0) & (f > -40), np.maximum(f, lifted - softness * _LN2 * exp(-np.abs(f - lid))), f)


def _mouth_fields(grid: HeadGrid, closed: Array, above: NDArray[np.bool_]) -> list[Array]:
    """jaw, part, width, rounding, press, tuck."""
    x, y, f = np.moveaxis(closed, -1, 0)
    zero = np.zeros_like(x)
    across = np.clip(np.abs(x) / MOUTH_HALF_WIDTH, 0, None)
    gap = power(np.clip(1 - across**2, 0, 1), 0.62)  # profile of the open lips
    distance = np.broadcast_to(np.abs(grid.level - MOUTH_Y)[:, None], x.shape)  # equal on both edges of the seam
    front = _step((f + 72) / 40)

    # The jaw carries all below the mouth, half at the corners, and fades into the cheeks.
    reach = 7.0 + 24.0 * _step((np.abs(x) - MOUTH_HALF_WIDTH * 0.8) / 34)
    fade = exp(-distance / reach)
    follow = np.where(above, 0.5 * (1 - gap) * fade, 1 - 0.5 * (1 - gap) * fade) * front
    angle = JAW_DROP / (20 - _HINGE_F)
    jaw = np.stack([zero, angle * (f - _HINGE_F), -0.55 * angle * (y - _HINGE_Y)], -1) * follow[..., None]

    lips = bell(distance, 0, 11) * front
    part = np.stack([zero, np.where(above, -0.24, 0.76) * LIP_GAP * gap * lips, zero], -1)

    ring = bell(distance, 0, 17) * bell(np.maximum(0, np.abs(x) - 26), 0, 15) * front
    outward = np.clip(x / MOUTH_HALF_WIDTH, -1, 1)
    width = np.stack([4.6 * outward * ring, -0.9 * np.abs(outward) ** 2 * ring, -1.6 * np.abs(outward) * ring], -1)

    pout = bell(distance, 0, 11) * bell(x, 0, 20) * front
    side = np.where(above, -1.0, 1.0)
    rounding = np.stack([-7.6 * outward * ring, 1.0 * side * pout * distance / 8, 4.2 * pout], -1)

    red = np.clip(distance / 9, 0, 1) * bell(distance, 0, 12) * front * np.clip(1.3 - across, 0, 1)
    rolled = bell(distance, 0, 7) * gap * front
    press = np.stack([zero, -4.6 * side * red, -2.0 * rolled], -1)

    under = bell(distance, 0, 8) * gap * front
    tuck = np.stack([zero, np.where(above, -1.6, -0.6) * under, np.where(above, 0.6, -3.4) * under], -1)
    return [jaw, part, width, rounding, press, tuck]


def _brow_fields(closed: Array) -> list[Array]:
    """Brow down left and right, inner brows up, outer brow up left and right; the subject's left is at the image's right."""
    x, y, f = np.moveaxis(closed, -1, 0)
    band = np.where(y < -24, bell(y, -24, 24), bell(y, -24, 13)) * (f > -60)
    left, right = _step(x / 10 + 0.5), _step(-x / 10 + 0.5)

    def move(weight: Array, sideways: float, down: float, forward: float) -> Array:
        return np.stack([sideways * weight, down * weight, forward * weight], -1)

    inner, outer = bell(x, 0, 24), bell(np.abs(x), 46, 20)
    whole = bell(np.abs(x), 24, 26)
    return [
        move(band * whole * left, -1.5, 4.6, 1.2),
        move(band * whole * right, 1.5, 4.6, 1.2),
        move(band * inner, 0.0, -6.5, 0.4),
        move(band * outer * left, 0.0, -6.5, 0.4),
        move(band * outer * right, 0.0, -6.5, 0.4),
    ]


def _lid_field(grid: HeadGrid, closed: Array, side: int, person: Person) -> Array:
    """From the closed to the open eye of one side (+1: image's right), the lid sliding over the eyeball."""
    x, y, f = np.moveaxis(closed, -1, 0)
    across = (side * x - EYE_X) / EYE_HALF_WIDTH
    inside = np.clip(1 - power(np.abs(across), 2.2), 0, 1)
    above = (np.arange(len(grid.level)) <= grid.eye_row)[:, None]
    distance = np.abs(grid.level - EYE_Y)[:, None]
    size = 1 + 0.07 * person.eye_size
    lift = _UPPER_LID * size * power(inside, 0.72) * (1 - 0.10 * across) * np.clip(1 - distance / _LID_REACH, 0, 1)
    drop = _LOWER_LID * size * power(inside, 0.6) * np.clip(1 - distance / 8, 0, 1)
    moved = y + np.where(above, -lift, drop)
    deeper = 1.6 * bell(distance, 10, 4) * inside * above  # the fold of the open lid
    pushed = _over_eyeball(x, moved, f - deeper, eyeball_centre(side))
    near = inside > 0
    return np.stack(
        [np.zeros_like(x), np.where(near, moved - y, 0), np.where(near & (distance < 22), pushed - f, 0)], -1
    )


def _step(value: Array) -> Array:
    share = np.clip(value, 0, 1)
    return share * share * (3 - 2 * share)
